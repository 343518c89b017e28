# Where kubelet's package looks for arguments of the administrator's.
# shellcheck disable=SC2034 # for the script that prepares for a user's join
kubelet_environment=/etc/default/kubelet

# Kubernetes' package repository has one folder for each minor version. Of kubelet, kubeadm and
# kubectl the cluster's own version is preferred, then the newest patch of its minor. Where a
# script of the user's brings the repository of an older minor, kubelet and kubectl are of that.
repository() {
  mkdir -p /etc/apt/keyrings /etc/apt/sources.list.d /etc/apt/preferences.d /etc/apt/apt.conf.d
  # Daily updates of the image may hold the lock when a machine has just started.
  echo 'DPkg::Lock::Timeout "300";' >/etc/apt/apt.conf.d/90-karpenter
  local ours='kubeadm kubectl kubelet'
  if [ -n "${users_minor-}" ]; then ours=kubeadm; fi
  cat >/etc/apt/preferences.d/karpenter <<CONF
Package: $ours
Pin: version $kubernetes_version-*
Pin-Priority: 1001

Package: $ours
Pin: version $kubernetes_minor.*
Pin-Priority: 1000
CONF
  if [ -n "${users_minor-}" ]; then
    printf '\nPackage: kubelet kubectl\nPin: version %s.*\nPin-Priority: 1000\n' "$users_minor" >>/etc/apt/preferences.d/karpenter
  fi
  local url="$package_repository/v$kubernetes_minor/deb/"
  local list=/etc/apt/sources.list.d/karpenter-kubernetes.list key=/etc/apt/keyrings/karpenter-kubernetes.asc
  if grep -qsF "$url" /etc/apt/sources.list.d/*; then return 0; fi
  retry curl -fsSL --max-time 60 -o "$key" "${package_key:-${url}Release.key}"
  chmod 0644 "$key"
  echo "deb [signed-by=$key] $url /" >"$list"
}

# install_node NAME... installs what makes a machine a node, and holds its versions.
install_node() {
  export DEBIAN_FRONTEND=noninteractive
  retry apt-get update
  retry apt-get install -y "$@"
  apt-mark hold "$@"
}

# install_tool NAME installs a program of the distribution's, and not what goes well with it.
install_tool() {
  export DEBIAN_FRONTEND=noninteractive
  retry apt-get update
  retry apt-get install -y --no-install-recommends "$1"
}

# keep_configuration: kubelet's package brings a file that is there by then; without this,
# dpkg would stop and ask which to keep.
keep_configuration() {
  mkdir -p /etc/dpkg/dpkg.cfg.d
  echo force-confold >/etc/dpkg/dpkg.cfg.d/karpenter
}

# proxy_packages is for installations that come later, without this script's environment. apt
# knows no exceptions but hosts by their whole name.
proxy_packages() {
  local host
  mkdir -p /etc/apt/apt.conf.d
  {
    [ -z "$proxy_http" ] || echo "Acquire::http::Proxy \"$proxy_http\";"
    [ -z "$proxy_https" ] || echo "Acquire::https::Proxy \"$proxy_https\";"
    for host in ${proxy_except//,/ }; do
      case $host in
        .* | */* | *:*) ;;
        *) echo "Acquire::http::Proxy::$host \"DIRECT\"; Acquire::https::Proxy::$host \"DIRECT\";" ;;
      esac
    done
  } >/etc/apt/apt.conf.d/90-karpenter-proxy
}
