#!/bin/sh
# Run as the student, before their server: gives them the course the first time. What is
# there already is theirs, and never touched; `ece662 update` brings what is new.
set -eu

: "${ECE662_COURSE:?expected the folder of the course in ECE662_COURSE}"
umask 077
if [ ! -e "$HOME/ece662" ]; then
    # Whole or not at all: a full disk leaves nothing behind that looks like a course.
    begun=$(mktemp -d "$HOME/.ece662.XXXXXX")
    trap 'rm -rf "$begun"' EXIT
    cp -R "$ECE662_COURSE/." "$begun"
    chmod -R u+w "$begun"
    mv "$begun" "$HOME/ece662"
    trap - EXIT
fi
exec "$@"
