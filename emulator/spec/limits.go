package spec

import (
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Limits and defaults. Source: developer guide, "Quotas", "Creating a cluster"; API reference.
const (
	DefaultPort          = 6379
	MinPort, MaxPort     = 1024, 65535
	DefaultShards        = 1
	DefaultReplicas      = 1
	MaxShards            = 500
	MaxReplicas          = 5
	MaxNodesPerCluster   = 90
	MaxNodesPerRegion    = 300
	MaxParameterGroups   = 300
	MaxSubnetGroups      = 300
	MaxSubnetsPerGroup   = 20
	MaxUsers             = 2000
	MaxACLs              = 200
	MaxUsersPerACL       = 100
	MaxPasswords         = 2
	MinPassword          = 16
	MaxPassword          = 128
	MaxParametersPerCall = 20
	MaxSnapshotRetention = 35
	// MaxManualSnapshots is how many snapshots of a cluster may be taken by hand in 24 hours.
	MaxManualSnapshots = 20
	MaxTags            = 50
	MaxTagKey          = 128
	MaxTagValue        = 256
	DefaultMaxResults  = 100
	DefaultEngine      = "redis"
	DefaultNetworkType = "ipv4"
	DefaultIPDiscovery = "ipv4"
	NetworkTypes       = "ipv4, ipv6, dual_stack"
	IPDiscoveries      = "ipv4, ipv6"
	minWindow          = 60 // minutes
	minutesPerDay      = 24 * 60
)

var days = []string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"}

var (
	maintenanceForm = regexp.MustCompile(`^(mon|tue|wed|thu|fri|sat|sun):([01]\d|2[0-3]):([0-5]\d)-(mon|tue|wed|thu|fri|sat|sun):([01]\d|2[0-3]):([0-5]\d)$`)
	snapshotForm    = regexp.MustCompile(`^([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)$`)
)

// CheckMaintenanceWindow is nil if w is a weekly window in UTC of at least 60 minutes: ddd:hh24:mi-ddd:hh24:mi, in whatever case.
func CheckMaintenanceWindow(w string) error {
	m := maintenanceForm.FindStringSubmatch(strings.ToLower(w))
	if m == nil {
		return refuse("Invalid maintenance window: %s. It must have the form ddd:hh24:mi-ddd:hh24:mi, with ddd one of %s.", w, strings.Join(days, ", "))
	}
	return checkLength("maintenance window", w, minute(day(m[1]), m[2], m[3]), minute(day(m[4]), m[5], m[6]), 7*minutesPerDay)
}

// CheckSnapshotWindow is nil if w is a daily window in UTC of at least 60 minutes: hh24:mi-hh24:mi.
func CheckSnapshotWindow(w string) error {
	m := snapshotForm.FindStringSubmatch(w)
	if m == nil {
		return refuse("Invalid snapshot window: %s. It must have the form hh24:mi-hh24:mi.", w)
	}
	return checkLength("snapshot window", w, minute(0, m[1], m[2]), minute(0, m[3], m[4]), minutesPerDay)
}

// SnapshotWindowAt says when the window w opened last before now, and whether it is still open. w is sound.
func SnapshotWindowAt(w string, now time.Time) (opened time.Time, open bool) {
	m := snapshotForm.FindStringSubmatch(w)
	if m == nil {
		return time.Time{}, false
	}
	now = now.UTC()
	from, to := minute(0, m[1], m[2]), minute(0, m[3], m[4])
	length := time.Duration((to-from+minutesPerDay)%minutesPerDay) * time.Minute
	opened = time.Date(now.Year(), now.Month(), now.Day(), 0, from, 0, 0, time.UTC)
	if opened.After(now) {
		opened = opened.AddDate(0, 0, -1)
	}
	return opened, now.Before(opened.Add(length))
}

func checkLength(what, w string, from, to, cycle int) error {
	if n := (to - from + cycle) % cycle; n < minWindow {
		return refuse("Invalid %s: %s. It must be at least %d minutes long.", what, w, minWindow)
	}
	return nil
}

func day(name string) int {
	for i, d := range days {
		if d == name {
			return i
		}
	}
	return 0
}

func minute(day int, hh, mm string) int {
	h, _ := strconv.Atoi(hh) // two digits, by the form
	m, _ := strconv.Atoi(mm)
	return day*minutesPerDay + h*60 + m
}

// CheckPassword is nil if p may be a user's password: 16 to 128 printable ASCII characters but , " / @.
func CheckPassword(p string) error {
	if len(p) < MinPassword || len(p) > MaxPassword {
		return refuse("Passwords must have between %d and %d characters.", MinPassword, MaxPassword)
	}
	for _, c := range []byte(p) {
		if c <= ' ' || c > '~' || strings.IndexByte(`,"/@`, c) >= 0 {
			return refuse(`Passwords must consist of printable ASCII characters other than , " / @ and space.`)
		}
	}
	return nil
}

// CheckTag is nil if a tag may be set by a user.
func CheckTag(key, value string) error {
	switch {
	case key == "" || len([]rune(key)) > MaxTagKey:
		return refuse("Tag keys must have between 1 and %d characters.", MaxTagKey)
	case len([]rune(value)) > MaxTagValue:
		return refuse("Tag values must have at most %d characters.", MaxTagValue)
	case strings.HasPrefix(strings.ToLower(key), "aws:"):
		return refuse("Tag keys must not begin with aws:, which is reserved.")
	}
	return nil
}

var (
	subnetID        = regexp.MustCompile(`^subnet-[0-9a-z]{1,32}$`)
	securityGroupID = regexp.MustCompile(`^sg-[0-9a-z]{1,32}$`)
)

// IsSubnetID says whether id looks like a subnet's.
func IsSubnetID(id string) bool { return subnetID.MatchString(id) }

// IsSecurityGroupID says whether id looks like a security group's.
func IsSecurityGroupID(id string) bool { return securityGroupID.MatchString(id) }
