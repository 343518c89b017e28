registry_folder=/etc/containerd/certs.d

# registry_hosts tells containerd which registries have a mirror. What the image says of a
# registry itself stays.
registry_hosts() {
  local registry url
  while read -r registry url; do
    mkdir -p "$registry_folder/$registry"
    if [ -e "$registry_folder/$registry/hosts.toml" ]; then continue; fi
    {
      echo "[host.\"$url\"]"
      echo '  capabilities = ["pull", "resolve"]'
      # A path below /v2 is where the API is; to any other containerd adds /v2.
      case $url in */v2/*) echo '  override_path = true' ;; esac
    } >"$registry_folder/$registry/hosts.toml"
  done <<<"$registry_mirrors"
}

# registry_config FILE has containerd's configuration name the folder. One that has registries
# in its own, older way is the image's business.
registry_config() {
  local cri=io.containerd.grpc.v1.cri
  if grep -qs 'config_path =' "$1"; then
    sed -i -E "s#config_path = .*#config_path = \"$registry_folder\"#" "$1"
  elif ! grep -qs '\.registry' "$1"; then
    if grep -qs '^version = 3' "$1"; then cri=io.containerd.cri.v1.images; fi
    printf '\n[plugins."%s".registry]\n  config_path = "%s"\n' "$cri" "$registry_folder" >>"$1"
  fi
}
