#!/bin/sh
# Has Apple check a signed app, and fastens the answer to it:
#     ISTHMUS_NOTARY_PROFILE=name packaging/macos/notarise.sh build/dist/Isthmus.app
# The profile was stored with "xcrun notarytool store-credentials". The app was signed by the build,
# which signs from the inside out if ISTHMUS_CODESIGN_IDENTITY names a Developer ID.
set -eu
app=$1
archive=$(mktemp -d)/Isthmus.zip
codesign --verify --deep --strict "$app"
ditto -c -k --keepParent "$app" "$archive"
xcrun notarytool submit "$archive" --keychain-profile "$ISTHMUS_NOTARY_PROFILE" --wait
xcrun stapler staple "$app"
