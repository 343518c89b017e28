package crds_test

import (
	"fmt"
	"strings"

	. "github.com/onsi/gomega"
)

func selectorCases() map[string]schemaCase {
	return map[string]schemaCase{
		"subnets are required":                             {`{subnetSelectorTerms: null}`, refused("subnetSelectorTerms: Required")},
		"an empty list of subnets selects nothing":         {`{subnetSelectorTerms: []}`, refused("subnetSelectorTerms must not be empty")},
		"an empty subnet term selects nothing":             {`{subnetSelectorTerms: [{}]}`, refused("each subnet selector term needs 'tags' or 'id'")},
		"a subnet id needs no tags":                        {`{subnetSelectorTerms: [{id: subnet-1, tags: {a: b}}]}`, refused("'id' stands alone in a subnet")},
		"a subnet by id and another by tags":               {`{subnetSelectorTerms: [{id: subnet-1}, {tags: {a: "*"}}]}`, Succeed()},
		"a subnet id is anchored":                          {`{subnetSelectorTerms: [{id: "x subnet-1"}]}`, refused("should match")},
		"a subnet tag has a value":                         {`{subnetSelectorTerms: [{tags: {a: ""}}]}`, refused("tag keys and values must not be empty")},
		"30 subnet terms are enough":                       {`{subnetSelectorTerms: [` + repeat(31, `{id: subnet-%d}`) + `]}`, refused("must have at most 30 items")},
		"20 tags in a term are enough":                     {`{subnetSelectorTerms: [{tags: {` + repeat(21, `k%d: v`) + `}}]}`, refused("must have at most 20")},
		"security groups are required":                     {`{securityGroupSelectorTerms: null}`, refused("securityGroupSelectorTerms: Required")},
		"an empty list of groups selects nothing":          {`{securityGroupSelectorTerms: []}`, refused("securityGroupSelectorTerms must not be empty")},
		"an empty group term selects nothing":              {`{securityGroupSelectorTerms: [{}]}`, refused("each security group selector term needs")},
		"a group id needs no tags":                         {`{securityGroupSelectorTerms: [{id: sg-1, tags: {a: b}}]}`, refused("'id' stands alone in a security group")},
		"a group id needs no name":                         {`{securityGroupSelectorTerms: [{id: sg-1, name: x}]}`, refused("'id' stands alone in a security group")},
		"a group name needs no tags":                       {`{securityGroupSelectorTerms: [{name: x, tags: {a: b}}]}`, refused("'name' stands alone in a security group")},
		"a group by name":                                  {`{securityGroupSelectorTerms: [{name: x}, {id: sg-1}]}`, Succeed()},
		"a group id is anchored":                           {`{securityGroupSelectorTerms: [{id: my-sg-1}]}`, refused("should match")},
		"a group tag has a key":                            {`{securityGroupSelectorTerms: [{tags: {"": x}}]}`, refused("tag keys and values must not be empty")},
		"an empty reservation term selects nothing":        {`{capacityReservationSelectorTerms: [{}]}`, refused("each capacity reservation selector term needs")},
		"a reservation id needs no owner":                  {`{capacityReservationSelectorTerms: [{id: cr-1, ownerID: "123456789012"}]}`, refused("'id' stands alone in a capacity reservation")},
		"a reservation id needs no criteria":               {`{capacityReservationSelectorTerms: [{id: cr-1, instanceMatchCriteria: open}]}`, refused("'id' stands alone in a capacity reservation")},
		"a reservation by tags and owner":                  {`{capacityReservationSelectorTerms: [{tags: {a: b}, ownerID: "123456789012", instanceMatchCriteria: targeted}]}`, Succeed()},
		"a reservation by criteria that EC2 lacks":         {`{capacityReservationSelectorTerms: [{instanceMatchCriteria: closed}]}`, refused("Unsupported value")},
		"an owner has twelve digits":                       {`{capacityReservationSelectorTerms: [{tags: {a: b}, ownerID: "1234"}]}`, refused("should match")},
		"a reservation tag has a value":                    {`{capacityReservationSelectorTerms: [{tags: {a: ""}}]}`, refused("tag keys and values must not be empty")},
		"a placement group by name":                        {`{placementGroupSelector: {name: x}}`, Succeed()},
		"a placement group by id":                          {`{placementGroupSelector: {id: pg-1}}`, Succeed()},
		"a placement group by name and id is one too many": {`{placementGroupSelector: {name: x, id: pg-1}}`, refused("exactly one of 'name' and 'id'")},
		"a placement group by nothing is none":             {`{placementGroupSelector: {}}`, refused("exactly one of 'name' and 'id'")},
		"a placement group's name is not empty":            {`{placementGroupSelector: {name: ""}}`, refused("at least 1 char")},
		"a placement group's id is anchored":               {`{placementGroupSelector: {id: x-pg-1}}`, refused("should match")},
	}
}

func deviceCases() map[string]schemaCase {
	cases := map[string]schemaCase{
		"one root volume":                           {`{blockDeviceMappings: [{rootVolume: true, ebs: {volumeSize: 1Gi}}, {rootVolume: false, ebs: {volumeSize: 1Gi}}, {ebs: {volumeSize: 1Gi}}]}`, Succeed()},
		"two root volumes":                          {`{blockDeviceMappings: [{rootVolume: true, ebs: {volumeSize: 1Gi}}, {rootVolume: true, ebs: {volumeSize: 1Gi}}]}`, refused("at most one of blockDeviceMappings may be the rootVolume")},
		"50 disks are enough":                       {`{blockDeviceMappings: [` + repeat(51, `{deviceName: d%d}`) + `]}`, refused("must have at most 50 items")},
		"a volume of neither size nor snapshot":     {`{blockDeviceMappings: [{ebs: {encrypted: true}}]}`, refused("ebs needs snapshotID or volumeSize")},
		"a volume from a snapshot":                  {`{blockDeviceMappings: [{ebs: {snapshotID: snap-1, volumeInitializationRate: 100}}]}`, Succeed()},
		"nothing to initialise without a snapshot":  {`{blockDeviceMappings: [{ebs: {volumeSize: 1Gi, volumeInitializationRate: 100}}]}`, refused("volumeInitializationRate needs snapshotID")},
		"initialisation is at least 100 MiB/s":      {`{blockDeviceMappings: [{ebs: {snapshotID: snap-1, volumeInitializationRate: 99}}]}`, refused("greater than or equal to 100")},
		"initialisation is at most 300 MiB/s":       {`{blockDeviceMappings: [{ebs: {snapshotID: snap-1, volumeInitializationRate: 301}}]}`, refused("less than or equal to 300")},
		"a volume type that EBS lacks":              {`{blockDeviceMappings: [{ebs: {volumeSize: 1Gi, volumeType: gp9}}]}`, refused("Unsupported value")},
		"RAID0 is what can be done with disks":      {`{instanceStorePolicy: RAID0}`, Succeed()},
		"RAID1 is not":                              {`{instanceStorePolicy: RAID1}`, refused("Unsupported value")},
		"a primary interface and an EFA on card 1":  {`{networkInterfaces: [{networkCardIndex: 0, deviceIndex: 0, interfaceType: interface}, {networkCardIndex: 1, deviceIndex: 0, interfaceType: efa-only}]}`, Succeed()},
		"no primary interface":                      {`{networkInterfaces: [{networkCardIndex: 1, deviceIndex: 0, interfaceType: interface}]}`, refused("at networkCardIndex 0 and deviceIndex 0")},
		"a primary interface without IP":            {`{networkInterfaces: [{networkCardIndex: 0, deviceIndex: 0, interfaceType: efa-only}]}`, refused("at networkCardIndex 0 and deviceIndex 0")},
		"two interfaces in one place":               {`{networkInterfaces: [{networkCardIndex: 0, deviceIndex: 0, interfaceType: interface}, {networkCardIndex: 0, deviceIndex: 0, interfaceType: interface}]}`, refused("may occur once in networkInterfaces")},
		"two EFAs on one card":                      {`{networkInterfaces: [{networkCardIndex: 0, deviceIndex: 0, interfaceType: interface}, {networkCardIndex: 1, deviceIndex: 0, interfaceType: efa-only}, {networkCardIndex: 1, deviceIndex: 1, interfaceType: efa-only}]}`, refused("a network card takes one interface of type 'efa-only'")},
		"an interface type that EC2 lacks":          {`{networkInterfaces: [{networkCardIndex: 0, deviceIndex: 0, interfaceType: wifi}]}`, refused("Unsupported value")},
		"cards count from 0":                        {`{networkInterfaces: [{networkCardIndex: -1, deviceIndex: 0, interfaceType: interface}]}`, refused("greater than or equal to 0")},
		"devices count from 0":                      {`{networkInterfaces: [{networkCardIndex: 0, deviceIndex: -1, interfaceType: interface}]}`, refused("greater than or equal to 0")},
		"there are no negative prefixes":            {`{ipPrefixCount: -1}`, refused("greater than or equal to 0")},
		"no prefixes":                               {`{ipPrefixCount: 0}`, Succeed()},
		"150 interfaces are enough for any machine": {`{networkInterfaces: [` + repeat(151, `{networkCardIndex: %d, deviceIndex: 0, interfaceType: interface}`) + `]}`, refused("must have at most 150 items")},
	}
	for _, size := range []string{"1Gi", "59000Gi", "64000G", "58Ti", "64T"} {
		cases["a volume of "+size] = schemaCase{fmt.Sprintf(`{blockDeviceMappings: [{ebs: {volumeSize: %s}}]}`, size), Succeed()}
	}
	for _, size := range []string{"0Gi", "59001Gi", "64001G", "59Ti", "65T", "40", "40Mi", "1.5Gi"} {
		cases["no volume of "+size] = schemaCase{fmt.Sprintf(`{blockDeviceMappings: [{ebs: {volumeSize: "%s"}}]}`, size), refused("should match")}
	}
	return cases
}

func optionCases() map[string]schemaCase {
	return map[string]schemaCase{
		"metadata for containers":                {`{metadataOptions: {httpEndpoint: enabled, httpProtocolIPv6: disabled, httpPutResponseHopLimit: 2, httpTokens: required}}`, Succeed()},
		"the metadata endpoint is on or off":     {`{metadataOptions: {httpEndpoint: maybe}}`, refused("Unsupported value")},
		"IPv6 metadata is on or off":             {`{metadataOptions: {httpProtocolIPv6: maybe}}`, refused("Unsupported value")},
		"metadata tokens are optional or not":    {`{metadataOptions: {httpTokens: maybe}}`, refused("Unsupported value")},
		"metadata travel one hop at least":       {`{metadataOptions: {httpPutResponseHopLimit: 0}}`, refused("greater than or equal to 1")},
		"metadata travel 64 hops at most":        {`{metadataOptions: {httpPutResponseHopLimit: 65}}`, refused("less than or equal to 64")},
		"enclaves":                               {`{enclaveOptions: {enabled: true}}`, Succeed()},
		"enclaves are on or off":                 {`{enclaveOptions: {}}`, refused("enabled: Required")},
		"nested virtualization":                  {`{cpuOptions: {nestedVirtualization: enabled}}`, Succeed()},
		"nested virtualization is on or off":     {`{cpuOptions: {nestedVirtualization: maybe}}`, refused("Unsupported value")},
		"connection tracking of something":       {`{connectionTracking: {tcpEstablishedTimeout: 60, udpStreamTimeout: 180, udpTimeout: 30}}`, Succeed()},
		"connection tracking of nothing":         {`{connectionTracking: {}}`, refused("connectionTracking needs")},
		"TCP connections live a minute at least": {`{connectionTracking: {tcpEstablishedTimeout: 59}}`, refused("greater than or equal to 60")},
		"TCP connections live five days at most": {`{connectionTracking: {tcpEstablishedTimeout: 432001}}`, refused("less than or equal to 432000")},
		"UDP streams live a minute at least":     {`{connectionTracking: {udpStreamTimeout: 59}}`, refused("greater than or equal to 60")},
		"UDP streams live three minutes at most": {`{connectionTracking: {udpStreamTimeout: 181}}`, refused("less than or equal to 180")},
		"UDP flows live half a minute at least":  {`{connectionTracking: {udpTimeout: 29}}`, refused("greater than or equal to 30")},
		"UDP flows live a minute at most":        {`{connectionTracking: {udpTimeout: 61}}`, refused("less than or equal to 60")},
		"what EC2 reserves is passed on":         {`{context: x, detailedMonitoring: true, associatePublicIPAddress: false}`, Succeed()},
	}
}

// repeat returns n items of format with their number, separated by commas.
func repeat(n int, format string) string {
	items := make([]string, n)
	for i := range items {
		items[i] = fmt.Sprintf(format, i)
	}
	return strings.Join(items, ", ")
}
