# The script that follows joins by itself. This one runs before it and sees to it that what
# comes of it is the node that was asked for.

# kubelet_arguments come first: whatever fails after, no kubelet starts without its taint.
kubelet_arguments() {
  local file=/etc/default/kubelet others=
  mkdir -p /etc/default /etc/dpkg/dpkg.cfg.d
  # kubelet's package brings this file too; without this, dpkg would stop and ask which to keep.
  echo force-confold >/etc/dpkg/dpkg.cfg.d/karpenter
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
# line is put right just before each start, after whatever was written to the file.
cgroup_driver() {
  mkdir -p /etc/containerd /etc/systemd/system/containerd.service.d
  cat >/etc/systemd/system/containerd.service.d/10-karpenter.conf <<CONF
[Service]
ExecStartPre=-/bin/sh -c 'test -s /etc/containerd/config.toml || containerd config default >/etc/containerd/config.toml'
ExecStartPre=-/bin/sed -i -E "s/SystemdCgroup = (true|false)/SystemdCgroup = $systemd_cgroup/" /etc/containerd/config.toml
CONF
  systemctl daemon-reload
  if has containerd; then systemctl restart containerd; fi
}

run identity
run kubelet-arguments
run host-name
run swap-off
run kernel
if [ "$instance_store" = true ]; then run instance-store; fi
run cgroup-driver
if [ "$add_repository" = true ]; then run repository; fi
