# Instance store disks become one array, and it holds what kubelet, containerd and pods write.
instance_store() {
  if [ -e /mnt/karpenter/kubelet ]; then return 0; fi
  local link device
  # Each disk has several links; none has a blank in its name.
  # shellcheck disable=SC2046
  set -- $(for link in /dev/disk/by-id/nvme-Amazon_EC2_NVMe_Instance_Storage_*; do
    if [ -e "$link" ]; then readlink -f "$link"; fi
  done | sort -u)
  case $# in
    0) return 0 ;;
    1) device=$1 ;;
    *)
      device=/dev/md/karpenter
      has mdadm || install_tool mdadm
      mdadm --create "$device" --run --level=0 --raid-devices=$# "$@"
      ;;
  esac
  mkfs.ext4 -q -m 0 "$device"
  mkdir -p /mnt/karpenter
  echo "UUID=$(blkid -s UUID -o value "$device") /mnt/karpenter ext4 defaults,noatime,nofail 0 2" >>/etc/fstab
  mount /mnt/karpenter
  systemctl stop kubelet containerd 2>/dev/null || true
  instance_store_bind /mnt/karpenter/containerd /var/lib/containerd
  instance_store_bind /mnt/karpenter/log/pods /var/log/pods
  instance_store_bind /mnt/karpenter/kubelet /var/lib/kubelet
}

# instance_store_bind DISK FOLDER moves what FOLDER holds to DISK and shows it there, now and after a reboot.
instance_store_bind() {
  mkdir -p "$1" "$2"
  cp -a "$2/." "$1/"
  echo "$1 $2 none bind,nofail,x-systemd.requires-mounts-for=/mnt/karpenter 0 0" >>/etc/fstab
  mount "$2"
}
