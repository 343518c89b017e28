# proxy has all that this machine fetches come through the proxy: by this script, by the package
# manager, and by containerd and kubelet.
proxy() {
  local settings=("NO_PROXY=$proxy_except" "no_proxy=$proxy_except") service
  if [ -n "$proxy_http" ]; then settings+=("HTTP_PROXY=$proxy_http" "http_proxy=$proxy_http"); fi
  if [ -n "$proxy_https" ]; then settings+=("HTTPS_PROXY=$proxy_https" "https_proxy=$proxy_https"); fi
  export "${settings[@]}"
  proxy_packages
  for service in containerd kubelet; do
    mkdir -p "/etc/systemd/system/$service.service.d"
    {
      echo '[Service]'
      printf 'Environment="%s"\n' "${settings[@]}"
    } >"/etc/systemd/system/$service.service.d/10-karpenter-proxy.conf"
  done
  systemctl daemon-reload
  systemctl try-restart containerd 2>/dev/null || true # it may not be there yet
}
