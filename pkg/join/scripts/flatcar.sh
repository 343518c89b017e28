# Flatcar has containerd and no packages, and its /usr is read-only. What Kubernetes needs is
# taken as it is released, and put below /opt.
PATH=$PATH:/opt/bin

# Of pod networks' plugins, those that Kubernetes' packages bring elsewhere.
cni_version=v1.7.1

repository() { return 0; }     # of packages, of which there are none
proxy_packages() { return 0; } # this script fetches by itself

# install_node NAME... installs programs of the cluster's own version, and what goes with them.
install_node() {
  local name architecture=amd64 minor=${kubernetes_minor#1.}
  if [ "$(uname -m)" = aarch64 ]; then architecture=arm64; fi
  mkdir -p /opt/bin /opt/cni/bin
  for name in "$@"; do
    retry download "$binaries/v$kubernetes_version/bin/linux/$architecture/$name" "/opt/bin/$name"
    chmod 0755 "/opt/bin/$name"
  done
  if [ ! -e /opt/cni/bin/loopback ]; then
    unpack "$cni_plugins/$cni_version/cni-plugins-linux-$architecture-$cni_version.tgz" /opt/cni/bin
  fi
  # kubeadm asks for it before 1.31.
  if [ "$minor" -lt 31 ] && ! has crictl; then
    unpack "$cri_tools/v$kubernetes_minor.0/crictl-v$kubernetes_minor.0-linux-$architecture.tar.gz" /opt/bin
  fi
  units
}

install_tool() {
  report "$phase" error "$1 is not on this image, and Flatcar has no packages"
  return 1
}

# download URL FILE fetches what is published together with its digest, and nothing else.
download() {
  local digest
  digest=$(curl -fsSL --max-time 60 "$1.sha256") &&
    curl -fsSL --max-time 600 -o "$2.part" "$1" &&
    echo "${digest%% *}  $2.part" | sha256sum -c - >/dev/null &&
    mv "$2.part" "$2"
}

# unpack URL FOLDER fetches an archive and unpacks it.
unpack() {
  local archive=/opt/karpenter.tgz
  retry download "$1" "$archive"
  tar -xzf "$archive" -C "$2" --no-same-owner
  rm -f "$archive"
}

# units are kubelet's, as Kubernetes' packages have it, and the path of containerd's
# configuration, which is in the image's read-only part otherwise.
units() {
  local folder=/etc/systemd/system
  if [ ! -e $folder/kubelet.service ] && [ ! -e /usr/lib/systemd/system/kubelet.service ]; then
    mkdir -p $folder/kubelet.service.d
    cat >$folder/kubelet.service <<CONF
[Unit]
Description=kubelet
Wants=network-online.target
After=network-online.target containerd.service
StartLimitIntervalSec=0

[Service]
ExecStart=$(command -v kubelet)
Restart=always
RestartSec=10

[Install]
WantedBy=multi-user.target
CONF
    cat >$folder/kubelet.service.d/10-kubeadm.conf <<CONF
[Service]
Environment="KUBELET_KUBECONFIG_ARGS=--bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf --kubeconfig=/etc/kubernetes/kubelet.conf"
Environment="KUBELET_CONFIG_ARGS=--config=/var/lib/kubelet/config.yaml"
EnvironmentFile=-/var/lib/kubelet/kubeadm-flags.env
EnvironmentFile=-/etc/default/kubelet
ExecStart=
ExecStart=$(command -v kubelet) \$KUBELET_KUBECONFIG_ARGS \$KUBELET_CONFIG_ARGS \$KUBELET_KUBEADM_ARGS \$KUBELET_EXTRA_ARGS
CONF
  fi
  mkdir -p $folder/containerd.service.d
  cat >$folder/containerd.service.d/10-karpenter.conf <<CONF
[Service]
Environment=CONTAINERD_CONFIG=/etc/containerd/config.toml
CONF
  systemctl daemon-reload
}
