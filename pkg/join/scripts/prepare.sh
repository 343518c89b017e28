# The script that follows joins by itself. This one runs before it and sees to it that what
# comes of it is the node that was asked for.

# kubelet_arguments come first: whatever fails after, no kubelet starts without its taint.
kubelet_arguments() {
  local file=$kubelet_environment others=
  mkdir -p "${file%/*}"
  keep_configuration
  if [ -f "$file" ] && ! grep -q '^# Karpenter' "$file"; then
    others=$(sed -n -E 's/^KUBELET_EXTRA_ARGS="?([^"]*)"?$/\1/p' "$file")
  fi
  {
    echo '# Karpenter'
    echo "KUBELET_EXTRA_ARGS=\"${others:+$others }$(fill_in "$kubelet_flags")\""
  } >"$file"
}

# cgroup_driver has containerd agree with the cluster's kubelets whenever it starts. `containerd
# config default`, which such scripts run, says SystemdCgroup = false, while kubeadm's kubelets
# use systemd. A kubelet from 1.31 on asks containerd 2 for the driver; containerd 1.7 (Ubuntu
# 24.04) cannot answer, the kubelet falls back to its own setting, and pods do not start. So the
# line is put right just before each start, after whatever was written to the file. A file that
# has no such line (Debian's and Docker's packages bring one) is replaced by the default.
cgroup_driver() {
  local config=/etc/containerd/config.toml unit=/etc/systemd/system/containerd.service.d/10-karpenter.conf
  mkdir -p /etc/containerd "${unit%/*}"
  cat >"$unit" <<CONF
[Service]
ExecStartPre=-/bin/sh -c 'grep -qs SystemdCgroup $config || containerd config default >$config'
ExecStartPre=-/bin/sed -i -E "s/SystemdCgroup = (true|false)/SystemdCgroup = $systemd_cgroup/" $config
CONF
  if [ -n "${registry_mirrors-}" ]; then
    # shellcheck disable=SC2154 # registry.sh, which is there when mirrors are, sets the folder
    echo "ExecStartPre=-/bin/sed -i -E 's#config_path = .*#config_path = \"$registry_folder\"#' $config" >>"$unit"
  fi
  systemctl daemon-reload
  if has containerd; then systemctl restart containerd; fi
}

run identity
run kubelet-arguments
run host-name
run swap-off
run kernel
if [ -n "${proxy_except-}" ]; then run proxy; fi
if [ "$instance_store" = true ]; then run instance-store; fi
if [ -n "${registry_mirrors-}" ]; then run registry-hosts; fi
run cgroup-driver
if [ "$add_repository" = true ]; then run repository; fi
