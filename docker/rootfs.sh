#!/bin/sh
# Makes the image's root file system in the folder $1, on a Debian with Node.js, out of what is in the working directory: package.json,
# LICENSE, dist, docker, and node_modules without what is for development. dist and node_modules are moved.
# The Dockerfile runs this, and so does `npm run image:rootfs`: what is tested is what the image has.
set -eu
umask 022
root=$1
app=$root/opt/mongolake

mkdir -p "$app" "$root/usr/local/bin" "$root/usr/bin" "$root/etc/mongolake" "$root/var/lib" "$root/var/tmp"
cp package.json LICENSE docker/healthcheck.mjs "$app"
mv dist node_modules "$app"
chmod +x "$app/dist/cli.js"
ln -s /opt/mongolake/dist/cli.js "$root/usr/local/bin/mongolake"

# What Node.js never loads: types, sources of types and of maps, texts, tests. npm keeps TypeScript, which a library would like to have
# for its own types. What is native is for glibc here.
rm -rf "$app/node_modules/typescript" "$app/node_modules/.bin" "$app/node_modules/.package-lock.json"
find "$app" -type f \( -name '*.map' -o -name '*.ts' -o -name '*.mts' -o -name '*.cts' -o -name '*.tsbuildinfo' \
  -o -name '*.musl.node' -o -iname '*.md' ! -iname 'licen[cs]e*' \) -delete
for package in "$app"/node_modules/* "$app"/node_modules/@*/*; do
  # A package of that name in a scope is none of these.
  if [ ! -f "$package/package.json" ]; then continue; fi
  for folder in test tests __tests__ docs example examples benchmark benchmarks .github; do echo "$package/$folder"; done
done | xargs rm -rf
find "$app" -type d -empty -delete
chmod -R a+rX "$app"

# Node.js, the `env` of `#!/usr/bin/env node`, and the shared libraries of these and of what is native in packages.
cp "$(command -v node)" "$root/usr/local/bin/node"
cp /usr/bin/env "$root/usr/bin/env"
libraries=$(find "$root/usr" "$app/node_modules" -type f \( -path "$root/usr/*" -o -name '*.node' -o -name '*.so' \) -exec ldd {} + |
  awk '$2 == "=>" && $3 ~ /^\// { print $3 } $2 ~ /^\(/ && $1 ~ /^\// { print $1 }' | grep -v "^$root" | sort -u)
for library in $libraries; do
  mkdir -p "$root$(dirname "$library")"
  cp -L "$library" "$root$library"
done

# What these are of, where scanners of images look for it, and their licences.
cp -L /etc/os-release "$root/etc/os-release"
mkdir -p "$root/var/lib/dpkg/status.d"
for package in $(for file in $libraries /usr/bin/env; do echo "*${file#/usr}"; done | xargs dpkg-query --search | cut -d: -f1 | sort -u); do
  dpkg-query --status "$package" >"$root/var/lib/dpkg/status.d/$package"
  mkdir -p "$root/usr/share/doc/$package"
  cp "/usr/share/doc/$package/copyright" "$root/usr/share/doc/$package"
done

# A user of its own. What it may write to is open to every user: so the image runs as another one too (`--user`).
echo 'root:x:0:0:root:/root:/sbin/nologin
mongolake:x:10001:10001::/var/lib/mongolake:/sbin/nologin' >"$root/etc/passwd"
echo 'root:x:0:
mongolake:x:10001:' >"$root/etc/group"
echo 'hosts: files dns' >"$root/etc/nsswitch.conf"
mkdir -m 1777 "$root/tmp" "$root/var/tmp/mongolake" "$root/var/lib/mongolake"
