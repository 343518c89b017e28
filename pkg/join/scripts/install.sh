# What is not on the image yet.
packages() {
  local missing=() name
  for name in containerd kubelet kubeadm; do
    has "$name" || missing+=("$name")
  done
  if [ ${#missing[@]} -eq 0 ]; then return 0; fi
  repository
  install_node "${missing[@]}"
}

# version refuses a kubelet of an image that is newer than the API server: that is not supported.
version() {
  local found
  found=$(kubelet --version)
  found=${found##*v1.}
  found=${found%%.*}
  if [ "$found" -gt "${kubernetes_minor#1.}" ]; then
    report version error "kubelet=1.$found cluster=$kubernetes_minor"
    return 1
  fi
}

# runtime makes containerd use the cgroup driver that the cluster's kubelets use, and the
# pause image that belongs to this kubeadm. A configuration without a place for the driver
# (docker.io's package has one that switches Kubernetes off) is replaced by the default.
runtime() {
  local config=/etc/containerd/config.toml before pause
  mkdir -p /etc/containerd
  before=$(cat "$config" 2>/dev/null || true)
  if ! grep -qs SystemdCgroup "$config"; then containerd config default >"$config"; fi
  sed -i -E "s/SystemdCgroup = (true|false)/SystemdCgroup = $systemd_cgroup/" "$config"
  pause=$(kubeadm config images list --kubernetes-version "v$kubernetes_version" \
    ${image_repository:+--image-repository "$image_repository"} 2>/dev/null | grep /pause: || true)
  if [ -n "$pause" ]; then
    sed -i -E "s#^([[:space:]]*)(sandbox|sandbox_image) = .*#\1\2 = \"$pause\"#" "$config"
  fi
  if [ -n "${registry_mirrors-}" ]; then registry_config "$config"; fi
  systemctl enable containerd
  if [ "$before" != "$(cat "$config")" ]; then
    systemctl restart containerd
  else
    systemctl start containerd
  fi
}
