#!/bin/sh
# Takes Isthmus out of the user's menus, with its settings, logs and caches: ./uninstall.sh
# Studies stay, wherever they are. The app's own folder can then be deleted.
set -eu
data=${XDG_DATA_HOME:-$HOME/.local/share}
rm -f "$data/applications/isthmus.desktop" "$data/mime/packages/isthmus-study.xml"
find "$data/icons/hicolor" \( -name 'isthmus.png' -o -name 'isthmus.svg' \
    -o -name 'isthmus-study.png' -o -name 'isthmus-study.svg' \) -delete 2>/dev/null || true
if [ -L "$HOME/.local/bin/isthmus" ]; then
    rm -f "$HOME/.local/bin/isthmus"
fi
rm -rf "${XDG_CONFIG_HOME:-$HOME/.config}/isthmus" \
    "${XDG_STATE_HOME:-$HOME/.local/state}/isthmus" \
    "${XDG_CACHE_HOME:-$HOME/.cache}/isthmus"
if command -v update-mime-database >/dev/null; then
    update-mime-database "$data/mime" || true
fi
if command -v update-desktop-database >/dev/null; then
    update-desktop-database "$data/applications" || true
fi
echo "Isthmus is gone from your menus; your studies are where they were."
