# Runs a command as a container engine does that gives it nothing: `sh confine.sh ROOT USER FOLDER [AT FROM ro|rw]... -- COMMAND...`.
# To be called in mount and process namespaces of its own. The root file system ROOT is read-only, and so are all mounts but those
# marked rw; the command runs as USER (a number, also of the group) in FOLDER, without capabilities and unable to gain any.
set -eu
root=$1 user=$2 folder=$3
shift 3
# That of the command may not lead to these.
path=$PATH
PATH=$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
setpriv=$(command -v setpriv) unshare=$(command -v unshare)

mount --bind "$root" "$root"
mkdir -p "$root/proc" "$root/dev"
for name in hosts resolv.conf; do
  touch "$root/etc/$name"
  mount --bind "/etc/$name" "$root/etc/$name"
  mount -o remount,bind,ro "$root/etc/$name"
done
mount -t proc proc "$root/proc"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
for name in null zero full random urandom; do
  touch "$root/dev/$name"
  mount --bind "/dev/$name" "$root/dev/$name"
done
mount -o remount,ro "$root/dev"
while [ "$1" != -- ]; do
  mkdir -p "$root$1"
  mount --bind "$2" "$root$1"
  mount -o "remount,bind,$3,nosuid,nodev" "$root$1"
  shift 3
done
shift
mount -o remount,bind,ro "$root"

# What is left to the bounding set is what it takes to go there and become the user; he can't gain it back.
export PATH="$path"
exec "$setpriv" --no-new-privs --inh-caps=-all --bounding-set=-all,+sys_chroot,+setuid,+setgid \
  "$unshare" --root="$root" --wd="$folder" --setgid="$user" --setuid="$user" "$@"
