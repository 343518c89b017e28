// Package ignition is Flatcar's first boot: what runs before systemd does.
//
// It answers what is on a machine's disk once Ignition has read its user data. Configurations
// are parsed, merged and judged by Ignition's own packages; here is only what writes files and
// units. What would be fetched from elsewhere than the configuration itself is an error, as
// it is on a machine without a way there. It talks to nobody and remembers nothing beside
// the disk. On a machine that it has been on before it does nothing.
package ignition
