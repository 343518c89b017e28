# Where kubelet's package looks for arguments of the administrator's.
# shellcheck disable=SC2034 # for the script that prepares for a user's join
kubelet_environment=/etc/sysconfig/kubelet

# Kubernetes' package repository has one folder for each minor version.
repository() {
  local url="$package_repository/v$kubernetes_minor/rpm/" host
  mkdir -p /etc/yum.repos.d
  if grep -qsF "$url" /etc/yum.repos.d/*; then return 0; fi
  cat >/etc/yum.repos.d/kubernetes.repo <<CONF
[kubernetes]
name=Kubernetes
baseurl=$url
enabled=1
gpgcheck=1
gpgkey=${package_key:-${url}repodata/repomd.xml.key}
CONF
  # dnf's own configuration knows no exceptions from its proxy but whole repositories.
  host=${url#*://} host=${host%%[:/]*}
  case ",${proxy_except-}," in
    *",$host,"*) echo 'proxy=_none_' >>/etc/yum.repos.d/kubernetes.repo ;;
  esac
}

# install_node NAME... installs what makes a machine a node: of kubelet and kubeadm the
# cluster's own version, or where that is not served the newest patch of its minor, since the
# repository has no other. It then holds them: an update of the system must not replace them.
install_node() {
  local name wanted=()
  permissive
  retry dnf -y makecache
  for name in "$@"; do
    if dnf -q list --showduplicates --disableexcludes=all "$name-$kubernetes_version" >/dev/null 2>&1; then
      name=$name-$kubernetes_version
    fi
    wanted+=("$name")
  done
  retry dnf install -y --disableexcludes=all "${wanted[@]}"
  if ! grep -qs '^exclude' /etc/yum.repos.d/kubernetes.repo; then
    echo 'exclude=kubelet kubeadm kubectl cri-tools kubernetes-cni' >>/etc/yum.repos.d/kubernetes.repo
  fi
}

# permissive: packages as they are served come without a policy for kubelet, and with SELinux
# enforcing pods could not use what kubelet mounts. Who enforces it bakes an image that can.
permissive() {
  if ! has getenforce || [ "$(getenforce)" != Enforcing ]; then return 0; fi
  setenforce 0
  sed -i 's/^SELINUX=enforcing$/SELINUX=permissive/' /etc/selinux/config
}

# install_tool NAME installs a program of the distribution's.
install_tool() { retry dnf install -y "$1"; }

# keep_configuration: rpm keeps files that are there.
keep_configuration() { :; }

# proxy_packages is for installations that come later, without this script's environment.
proxy_packages() {
  local file=/etc/dnf/dnf.conf
  if grep -qs '^proxy=' "$file"; then return 0; fi
  echo "proxy=${proxy_https:-$proxy_http}" >>"$file"
}
