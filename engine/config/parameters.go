package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// SetParameters sets the parameters of a MemoryDB parameter group: all or, with an error that names one, none. Most are directives by the same name; the
// nine client-output-buffer-limit-CLASS-LIMIT are parts of one directive. A parameter that is not in the map keeps its value.
func (c *Config) SetParameters(parameters map[string]string) error {
	var settings []Setting
	limits := map[string]OutputLimit{}
	for _, name := range slices.Sorted(maps.Keys(parameters)) {
		rest, ok := strings.CutPrefix(name, "client-output-buffer-limit-")
		if !ok {
			settings = append(settings, Setting{name, parameters[name]})
			continue
		}
		if err := c.limitParameter(limits, rest, parameters[name]); err != nil {
			return fmt.Errorf("parameter %s: %w", name, err)
		}
	}
	if len(limits) > 0 {
		var words []string
		for _, class := range slices.Sorted(maps.Keys(limits)) {
			l := limits[class]
			words = append(words, fmt.Sprintf("%s %d %d %d", class, l.Hard, l.Soft, l.SoftSeconds))
		}
		settings = append(settings, Setting{"client-output-buffer-limit", strings.Join(words, " ")})
	}
	return c.Preset(settings...)
}

// limitParameter puts the value of CLASS-hard-limit, CLASS-soft-limit or CLASS-soft-seconds into limits.
func (c *Config) limitParameter(limits map[string]OutputLimit, name, value string) error {
	class, part, _ := strings.Cut(name, "-")
	i := slices.Index([]string{Normal: "normal", Replica: "replica", PubSub: "pubsub"}, class)
	if i < 0 {
		return wrong("no such class of clients")
	}
	l, ok := limits[class]
	if !ok {
		l = c.OutputLimits.Load(Class(i))
	}
	bytes, ok := parseMemory(value)
	if !ok || value == "" || bytes > int63 {
		return wrong("argument must be a memory value")
	}
	switch part {
	case "hard-limit":
		l.Hard = int64(bytes)
	case "soft-limit":
		l.Soft = int64(bytes)
	case "soft-seconds":
		l.SoftSeconds = int64(bytes)
	default:
		return wrong("no such limit")
	}
	limits[class] = l
	return nil
}
