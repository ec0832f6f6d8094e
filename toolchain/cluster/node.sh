# The first process of a node, in new mount, network, PID, IPC and UTS namespaces. It gives the node files and addresses of
# its own, then becomes `pause`. What the node can see of the machine: programs (read-only), devices, and its own folder.
#
# node.sh SERVICES ADDRESS PACKAGES PAUSE CACHE FOLDER
#   PACKAGES, PAUSE: where they will be in the node, below /cache. FOLDER is last: it is how a node is found again.
set -eu
PATH=/usr/sbin:/usr/bin:/sbin:/bin
services=$1 address=$2 packages=$3 pause=$4 cache=$5 folder=$6

mount --make-rprivate /
mount -t tmpfs -o mode=755 node "$folder/root"
cd "$folder/root"
mkdir cache dev etc old opt proc root run sys tmp usr var
for each in bin sbin lib lib32 lib64 libx32; do
  if [ -L "/$each" ]; then
    cp -P "/$each" .
  elif [ -d "/$each" ]; then
    mkdir "$each" && mount --bind -o ro "/$each" "$each"
  fi
done
mount --bind -o ro "$cache" cache
mount -t overlay -o "ro,lowerdir=.$packages/usr:/usr" programs usr
mount --bind -o ro /etc etc
mount --bind "$folder/var" var
mount --bind "$folder/tmp" tmp
mount -t tmpfs -o mode=755 run run
mount --rbind /dev dev
mount -t sysfs sys sys
mount --rbind /sys/fs/cgroup sys/fs/cgroup
mount -t proc proc proc

# The kubelet wants these, and would set them for the whole machine: it is shown what it wants to see.
while read -r name value; do
  printf '%s\n' "$value" > "run/$(basename "$name")"
  mount --bind "run/$(basename "$name")" "proc/sys/$name"
done << 'END'
vm/overcommit_memory 1
vm/panic_on_oom 0
kernel/panic 10
kernel/panic_on_oops 1
kernel/keys/root_maxbytes 25000000
kernel/keys/root_maxkeys 1000000
END

pivot_root . old
umount -l old
rmdir old
mount --make-rshared /

# No way out: a connection to anywhere else fails at once. Services have a route so that kube-proxy's rules see them.
busybox hostname node
busybox ip link set lo up
busybox ip address add "$address/32" dev lo
busybox ip route add "$services" dev lo
echo 1 > /proc/sys/net/ipv4/ip_forward

exec "$pause" "$folder"
