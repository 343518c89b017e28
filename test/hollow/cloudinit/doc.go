// Package cloudinit does with an instance's user data what cloud-init does.
//
// It answers which parts user data has and runs them on a machine in cloud-init's order:
// boot hooks and bootcmd, files, host name, packages, then shell scripts part by part and
// at last runcmd. It understands gzip, MIME archives, `#!` scripts, `#cloud-config` and
// `#cloud-boothook`. It talks to the machine only. What it has done once per instance it
// notes on the machine's disk, so a reboot repeats boot hooks and bootcmd alone. Malformed user data is
// reported on the console and as an error; what could be read before it has been run, as in life.
package cloudinit
