package command

// deprecation says since when a command should not be used in new code, and what to use instead.
type deprecation struct{ since, instead string }

// deprecated are the commands that Redis's documentation calls deprecated as of 7.0, by full name. They work like all others.
var deprecated = map[string]deprecation{
	"brpoplpush":           {"6.2.0", "`BLMOVE` with the `RIGHT` and `LEFT` arguments"},
	"cluster|slaves":       {"5.0.0", "`CLUSTER REPLICAS`"},
	"cluster|slots":        {"7.0.0", "`CLUSTER SHARDS`"},
	"georadius":            {"6.2.0", "`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` argument"},
	"georadius_ro":         {"6.2.0", "`GEOSEARCH` with the `BYRADIUS` argument"},
	"georadiusbymember":    {"6.2.0", "`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` and `FROMMEMBER` arguments"},
	"georadiusbymember_ro": {"6.2.0", "`GEOSEARCH` with the `BYRADIUS` and `FROMMEMBER` arguments"},
	"getset":               {"6.2.0", "`SET` with the `!GET` argument"},
	"hmset":                {"4.0.0", "`HSET` with multiple field-value pairs"},
	"rpoplpush":            {"6.2.0", "`LMOVE` with the `RIGHT` and `LEFT` arguments"},
	"slaveof":              {"5.0.0", "`REPLICAOF`"},
	"substr":               {"2.0.0", "`GETRANGE`"},
	"zrangebylex":          {"6.2.0", "`ZRANGE` with the `BYLEX` argument"},
	"zrangebyscore":        {"6.2.0", "`ZRANGE` with the `BYSCORE` argument"},
	"zrevrange":            {"6.2.0", "`ZRANGE` with the `REV` argument"},
	"zrevrangebylex":       {"6.2.0", "`ZRANGE` with the `REV` and `BYLEX` arguments"},
	"zrevrangebyscore":     {"6.2.0", "`ZRANGE` with the `REV` and `BYSCORE` arguments"},
}
