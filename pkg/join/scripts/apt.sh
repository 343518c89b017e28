# Kubernetes' package repository has one folder for each minor version. Of kubelet, kubeadm and
# kubectl the cluster's own version is preferred, then the newest patch of its minor.
repository() {
  mkdir -p /etc/apt/keyrings /etc/apt/sources.list.d /etc/apt/preferences.d /etc/apt/apt.conf.d
  # Daily updates of the image may hold the lock when a machine has just started.
  echo 'DPkg::Lock::Timeout "300";' >/etc/apt/apt.conf.d/90-karpenter
  cat >/etc/apt/preferences.d/karpenter <<CONF
Package: kubeadm kubectl kubelet
Pin: version $kubernetes_version-*
Pin-Priority: 1001

Package: kubeadm kubectl kubelet
Pin: version $kubernetes_minor.*
Pin-Priority: 1000
CONF
  local url="https://pkgs.k8s.io/core:/stable:/v$kubernetes_minor/deb/"
  local list=/etc/apt/sources.list.d/kubernetes.list key=/etc/apt/keyrings/karpenter-kubernetes.asc
  if grep -qsF "$url" /etc/apt/sources.list.d/*; then return 0; fi
  retry curl -fsSL --max-time 60 -o "$key" "${url}Release.key"
  chmod 0644 "$key"
  echo "deb [signed-by=$key] $url /" >"$list"
}
