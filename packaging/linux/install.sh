#!/bin/sh
# Puts Isthmus into the user's menus: ./install.sh. Needs no rights, and copies nothing but small
# files: the app stays in the folder it was unpacked to. After moving that folder, run it again.
set -eu
folder=$(cd "$(dirname "$0")" && pwd)
data=${XDG_DATA_HOME:-$HOME/.local/share}
bin=$HOME/.local/bin

# In a desktop entry, some characters of a path have to be escaped twice: for the value and in quotes.
escaped=$(printf '%s' "$folder" | sed -e 's/[\\"`$]/\\\\&/g' -e 's/%/%%/g' -e 's/[&|\\]/\\&/g')

before=""
if command -v xdg-mime >/dev/null; then
    before=$(xdg-mime query default inode/directory || true)
fi
mkdir -p "$data/applications" "$data/mime/packages" "$bin"
plain=$(printf '%s' "$folder" | sed -e 's/[&|\\]/\\&/g')
sed -e "s|Exec=\"@FOLDER@|Exec=\"$escaped|" -e "s|TryExec=@FOLDER@|TryExec=$plain|" \
    "$folder/share/isthmus.desktop" > "$data/applications/isthmus.desktop"
cp "$folder/share/isthmus-study.xml" "$data/mime/packages/isthmus-study.xml"
for size in 16 24 32 48 64 128 256 512; do
    icons=$data/icons/hicolor/${size}x${size}
    mkdir -p "$icons/apps" "$icons/mimetypes"
    cp "$folder/share/isthmus-$size.png" "$icons/apps/isthmus.png"
    cp "$folder/share/isthmus-study-$size.png" "$icons/mimetypes/isthmus-study.png"
done
mkdir -p "$data/icons/hicolor/scalable/apps" "$data/icons/hicolor/scalable/mimetypes"
cp "$folder/share/isthmus.svg" "$data/icons/hicolor/scalable/apps/isthmus.svg"
cp "$folder/share/isthmus-study.svg" "$data/icons/hicolor/scalable/mimetypes/isthmus-study.svg"
ln -sf "$folder/Isthmus" "$bin/isthmus"

if command -v update-mime-database >/dev/null; then
    update-mime-database "$data/mime" || true
fi
if command -v update-desktop-database >/dev/null; then
    update-desktop-database "$data/applications" || true
fi
# Isthmus offers to open folders, but must not become what opens every folder.
if [ -n "$before" ] && [ "$(xdg-mime query default inode/directory)" != "$before" ]; then
    xdg-mime default "$before" inode/directory
fi
echo "Isthmus is in your menus, and as the command isthmus in $bin."
