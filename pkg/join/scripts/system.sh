# What kubelet and containerd want of the operating system. Nothing here is done twice.
host_name() { hostnamectl set-hostname "$node_name"; }

swap_off() {
  swapoff -a
  if [ -f /etc/fstab ]; then sed -i -E '/^[^#].*[[:space:]]swap[[:space:]]/s/^/#/' /etc/fstab; fi
}

kernel() {
  mkdir -p /etc/modules-load.d /etc/sysctl.d
  printf 'overlay\nbr_netfilter\n' >/etc/modules-load.d/karpenter.conf
  modprobe overlay
  modprobe br_netfilter
  cat >/etc/sysctl.d/90-karpenter.conf <<'CONF'
net.ipv4.ip_forward = 1
net.bridge.bridge-nf-call-iptables = 1
net.bridge.bridge-nf-call-ip6tables = 1
CONF
  sysctl -p /etc/sysctl.d/90-karpenter.conf >/dev/null
}
