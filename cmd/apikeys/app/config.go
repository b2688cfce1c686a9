package app

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/caarlos0/env/v11"
	"github.com/go-playground/validator/v10"

	"github.com/piercloud/apikeys/pkg/limit"
	"github.com/piercloud/apikeys/pkg/operator"
	"github.com/piercloud/apikeys/pkg/scope"
	"github.com/piercloud/apikeys/pkg/sealed"
	"github.com/piercloud/apikeys/pkg/sqlstore"
)

// Prefix begins the name of every environment variable.
const Prefix = "APIKEYS_"

// Config is the configuration of the service. Each exported field is an environment variable; see the table in README.md.
type Config struct {
	Listen      string `env:"LISTEN"            envDefault:"127.0.0.1:8080"            validate:"address"`
	DatabaseURL string `env:"DATABASE_URL"      envDefault:"sqlite://data/apikeys.db"  validate:"required"`
	Issuer      string `env:"ISSUER"            envDefault:"http://localhost:8080"     validate:"issuer"`
	Audience    string `env:"AUDIENCE"`
	MasterKey   string `env:"MASTER_KEY"`
	// MasterKeyPrevious opens what was sealed under it. Nothing new is sealed under it.
	MasterKeyPrevious string   `env:"MASTER_KEY_PREVIOUS"`
	OperatorEmail     string   `env:"OPERATOR_EMAIL"    envDefault:"admin@localhost"           validate:"email-address"`
	OperatorPassword  string   `env:"OPERATOR_PASSWORD" validate:"omitempty,min=12,max=256"`
	ScopesFile        string   `env:"SCOPES_FILE"       validate:"omitempty,file"`
	CORSOrigins       []string `env:"CORS_ORIGINS"      validate:"dive,origin"`
	TrustedProxies    []string `env:"TRUSTED_PROXIES"   validate:"dive,network"`
	StatusList        string   `env:"STATUS_LIST"       envDefault:"off"                       validate:"oneof=on off"`
	UsageDays         int      `env:"USAGE_DAYS"        envDefault:"90"                        validate:"min=1,max=3660"`
	Limits            string   `env:"LIMITS"            envDefault:"on"`
	Drain             string   `env:"DRAIN"             validate:"omitempty,drain"`
	MetricsListen     string   `env:"METRICS_LISTEN"    validate:"omitempty,address"`
	TLSCertFile       string   `env:"TLS_CERT_FILE"     validate:"required_with=TLSKeyFile,omitempty,file"`
	TLSKeyFile        string   `env:"TLS_KEY_FILE"      validate:"required_with=TLSCertFile,omitempty,file"`
	OIDCIssuer        string   `env:"OIDC_ISSUER"       validate:"omitempty,provider"`
	OIDCClientID      string   `env:"OIDC_CLIENT_ID"`
	OIDCClientSecret  string   `env:"OIDC_CLIENT_SECRET"`
	OIDCScopes        string   `env:"OIDC_SCOPES"       envDefault:"openid email profile"`
	OIDCRoleClaim     string   `env:"OIDC_ROLE_CLAIM"   envDefault:"groups"`
	OIDCRoles         string   `env:"OIDC_ROLES"`
	OIDCVerifiedClaim string   `env:"OIDC_EMAIL_VERIFIED_CLAIM" envDefault:"email_verified"`
	OIDCName          string   `env:"OIDC_NAME"         validate:"max=40"`
	LogLevel          string   `env:"LOG_LEVEL"         envDefault:"info"                      validate:"oneof=debug info warn error"`
	LogFormat         string   `env:"LOG_FORMAT"        validate:"omitempty,oneof=json text"`

	secretFiles []string // from which secrets were read
}

// secretVariables may also be given as the name of a file, in NAME_FILE. Their values have no flag, because every process on the
// machine can read a command line.
var secretVariables = []string{"DATABASE_URL", "MASTER_KEY", "MASTER_KEY_PREVIOUS", "OPERATOR_PASSWORD", "OIDC_CLIENT_SECRET"}

// ConfigError says which variable is wrong.
type ConfigError struct {
	Variable string // with its prefix; or a flag that has no variable
	Problem  string // a predicate
}

func (e *ConfigError) Error() string { return e.Variable + " " + e.Problem }

// LoadConfig reads the configuration from environment, which maps names to values, and checks it.
// Errors: a [ConfigError] for each variable that is wrong, joined.
func LoadConfig(environment map[string]string) (Config, error) {
	environment, files, err := readSecretFiles(environment)
	if err != nil {
		return Config{}, err
	}
	c := Config{secretFiles: files}
	if err := env.ParseWithOptions(&c, env.Options{Environment: environment, Prefix: Prefix}); err != nil {
		return Config{}, parseProblems(err)
	}
	if c.Audience == "" {
		c.Audience = c.Issuer
	}
	for _, list := range [][]string{c.CORSOrigins, c.TrustedProxies} {
		for i := range list {
			list[i] = strings.TrimSpace(list[i])
		}
	}
	return c, c.validate()
}

// parseProblems names the variables whose values have the wrong type. Apart from text, the only type is a number.
func parseProblems(err error) error {
	var all env.AggregateError
	if !errors.As(err, &all) {
		return err
	}
	problems := make([]error, len(all.Errors))
	for i, problem := range all.Errors {
		problems[i] = problem
		var parse env.ParseError
		if !errors.As(problem, &parse) {
			continue
		}
		if f, ok := reflect.TypeFor[Config]().FieldByName(parse.Name); ok {
			problems[i] = &ConfigError{Prefix + f.Tag.Get("env"), "must be a whole number"}
		}
	}
	return errors.Join(problems...)
}

// readSecretFiles returns a copy of environment in which NAME has the content of the file that NAME_FILE names, without line
// breaks at its end. It also returns the paths of these files.
func readSecretFiles(environment map[string]string) (_ map[string]string, files []string, _ error) {
	environment = maps.Clone(environment)
	var problems []error
	for _, name := range secretVariables {
		name = Prefix + name
		path := environment[name+"_FILE"]
		if path == "" {
			continue
		}
		if environment[name] != "" {
			problems = append(problems, &ConfigError{name, "and " + name + "_FILE are both set; set one"})
			continue
		}
		content, err := os.ReadFile(path)
		if err != nil {
			problems = append(problems, &ConfigError{name + "_FILE", "can't be read: " + err.Error()})
			continue
		}
		if environment[name] = strings.TrimRight(string(content), "\r\n"); environment[name] == "" {
			problems = append(problems, &ConfigError{name + "_FILE", "names an empty file"}) // which is more likely a mistake than meant
		}
		files = append(files, path)
	}
	return environment, files, errors.Join(problems...)
}

// validate returns a [ConfigError] for each variable that is wrong, joined.
func (c Config) validate() error {
	var problems []error
	var found validator.ValidationErrors
	if errors.As(configValidator.Struct(c), &found) {
		for _, f := range found {
			variable, _, _ := strings.Cut(f.Field(), "[")
			problems = append(problems, &ConfigError{Prefix + variable, configRule(f)})
		}
	}
	if err := c.validateDatabase(); err != nil {
		problems = append(problems, err)
	}
	if err := c.validateMasterKeys(); err != nil {
		problems = append(problems, err)
	}
	problems = append(problems, c.validateOIDC()...)
	if _, err := limit.Parse(c.Limits); err != nil {
		problems = append(problems, &ConfigError{Prefix + "LIMITS", err.Error()})
	}
	return errors.Join(problems...)
}

func (c Config) validateMasterKeys() error {
	var problems []error
	for name, key := range map[string]string{"MASTER_KEY": c.MasterKey, "MASTER_KEY_PREVIOUS": c.MasterKeyPrevious} {
		if key == "" {
			continue
		}
		if _, err := sealed.ParseMasterKey(key); err != nil {
			problems = append(problems, &ConfigError{Prefix + name, err.Error()})
		}
	}
	if len(problems) == 0 && c.MasterKey == "" && c.MasterKeyPrevious != "" {
		problems = append(problems, &ConfigError{Prefix + "MASTER_KEY_PREVIOUS", "is useful only together with " + Prefix + "MASTER_KEY"})
	}
	return errors.Join(problems...)
}

// limits returns the configured rate limits.
func (c Config) limits() limit.Config {
	limits, err := limit.Parse(c.Limits)
	if err != nil {
		return limit.Default // validated before
	}
	return limits
}

// catalogue returns the scopes that can be granted. Errors: a [ConfigError].
func (c Config) catalogue() (*scope.Catalogue, error) {
	if c.ScopesFile == "" {
		return scope.DefaultCatalogue(), nil
	}
	catalogue, err := scope.LoadCatalogue(c.ScopesFile)
	if err != nil {
		return nil, &ConfigError{Prefix + "SCOPES_FILE", "can't be used: " + err.Error()}
	}
	return catalogue, nil
}

// The default of APIKEYS_DRAIN where other replicas take over, and its maximum.
const (
	drainDefault = 5 * time.Second
	drainMax     = 5 * time.Minute
)

func isDrain(text string) bool {
	d, err := time.ParseDuration(text)
	return err == nil && d >= 0 && d <= drainMax
}

// drain returns how long to go on serving before stopping. By default it is 0 on SQLite, where no other replica takes over.
func (c Config) drain() time.Duration {
	if d, err := time.ParseDuration(c.Drain); err == nil { // validated before
		return d
	}
	if _, single := c.sqlitePath(); single {
		return 0
	}
	return drainDefault
}

// statusLists reports whether tokens refer to status lists.
func (c Config) statusLists() bool { return c.StatusList == "on" }

// validateDatabase checks what depends on the kind of database. It never repeats the URL, which may hold a password.
func (c Config) validateDatabase() error {
	switch scheme, rest, _ := strings.Cut(c.DatabaseURL, "://"); scheme {
	case "sqlite":
		if !sqlstore.ValidPath(rest) {
			return &ConfigError{Prefix + "DATABASE_URL", "must name a file after sqlite://, without parameters"}
		}
	case "postgres", "postgresql":
		if _, err := url.Parse(c.DatabaseURL); err != nil {
			return &ConfigError{Prefix + "DATABASE_URL", "is not a valid URL"}
		}
		if c.MasterKey == "" {
			return &ConfigError{Prefix + "MASTER_KEY", "is required with PostgreSQL; make one with: openssl rand -base64 32"}
		}
	default:
		return &ConfigError{Prefix + "DATABASE_URL", "must start with sqlite:// or postgres://"}
	}
	return nil
}

var configValidator = newConfigValidator()

func newConfigValidator() *validator.Validate {
	v := validator.New(validator.WithRequiredStructEnabled())
	v.RegisterTagNameFunc(func(f reflect.StructField) string { return f.Tag.Get("env") })
	for tag, accepts := range map[string]func(string) bool{"issuer": isIssuer, "origin": isOrigin, "address": isAddress, "network": isNetwork, "drain": isDrain, "provider": isProvider, "email-address": operator.ValidEmail} {
		if err := v.RegisterValidation(tag, func(f validator.FieldLevel) bool { return accepts(f.Field().String()) }); err != nil {
			panic(err) // only for a malformed tag name
		}
	}
	return v
}

// isAddress accepts host:port. Without a host it means all addresses of the machine, and port 0 means any free one.
func isAddress(text string) bool {
	_, port, err := net.SplitHostPort(text)
	if err != nil {
		return false
	}
	_, err = strconv.ParseUint(port, 10, 16)
	return err == nil
}

// isIssuer accepts scheme and host, with or without a port, and nothing after them. Their spelling is up to the operator:
// verifiers compare the issuer as text (RFC 8414 §4).
func isIssuer(text string) bool {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || text != u.Scheme+"://"+u.Host {
		return false
	}
	port, err := strconv.ParseUint(u.Port(), 10, 16)
	return u.Port() == "" && !strings.HasSuffix(u.Host, ":") || err == nil && port > 0
}

// isOrigin accepts what [isIssuer] does, but only as browsers write it in Origin, since it is compared as text
// (https://url.spec.whatwg.org/#host-serializing). That is in lower case, with names in ASCII, addresses in their shortest form,
// and a port only where it is not the scheme's default.
func isOrigin(text string) bool {
	u, err := url.Parse(text)
	if err != nil || !isIssuer(text) {
		return false
	}
	if port := u.Port(); strings.HasPrefix(port, "0") || port != "" && port == map[string]string{"http": "80", "https": "443"}[u.Scheme] {
		return false
	}
	host := u.Hostname()
	if strings.HasPrefix(u.Host, "[") {
		ip, err := netip.ParseAddr(host)
		return err == nil && ip.Is6() && ip.Zone() == "" && host == ip.String()
	}
	return hostName.MatchString(host)
}

// hostName also matches IPv4 addresses. It admits no other characters, since CORS would take an asterisk for a pattern.
var hostName = regexp.MustCompile(`^[a-z0-9_-]+(\.[a-z0-9_-]+)*\.?$`)

func isNetwork(text string) bool {
	_, err := netip.ParsePrefix(text)
	return err == nil
}

func configRule(f validator.FieldError) string {
	switch f.Tag() {
	case "required":
		return "must not be empty"
	case "address":
		return "must be host:port, such as 127.0.0.1:8080 or :8080"
	case "issuer":
		return "must be scheme and host without a path, such as https://keys.example.com"
	case "origin":
		return "must be scheme and host as a browser writes them, such as https://keys.example.com or http://localhost:5173: " +
			"in lower case, without a path, and with a port only where it is not 443 for https or 80 for http"
	case "provider":
		return "must be a URL with https, such as https://login.example.com, or http on this machine"
	case "email-address":
		return "must be an e-mail address"
	case "oneof":
		return "must be one of: " + strings.ReplaceAll(f.Param(), " ", ", ")
	case "drain":
		return "must be a time from 0s to 5m, such as 10s"
	case "network":
		return fmt.Sprintf("must be networks such as 10.0.0.0/8, separated by commas, which %q is not", f.Value())
	case "required_with":
		other, _ := reflect.TypeFor[Config]().FieldByName(f.Param())
		return "must be set together with " + Prefix + other.Tag.Get("env")
	case "file":
		return "names a file that does not exist"
	case "min", "max":
		bound := map[string]string{"min": "at least ", "max": "at most "}[f.Tag()] + f.Param()
		if f.Kind() == reflect.Int {
			return "must be " + bound
		}
		return "must have " + bound + " characters"
	default:
		return "is not valid"
	}
}

// sqlitePath returns the database file of a SQLite URL.
func (c Config) sqlitePath() (path string, ok bool) {
	return strings.CutPrefix(c.DatabaseURL, "sqlite://")
}

// noDatabase is the error of a command that makes no sense on a new database.
func (c Config) noDatabase() *ConfigError {
	const remedy = "; check that it is the right one, or create it with: apikeys migrate"
	path, ok := c.sqlitePath()
	if !ok {
		return &ConfigError{Prefix + "DATABASE_URL", "names a PostgreSQL database without the tables of this service" + remedy}
	}
	return &ConfigError{Prefix + "DATABASE_URL", namesNothing(path) + remedy}
}

// namesNothing says what is wrong with the path of a SQLite database that does not exist.
func namesNothing(path string) string {
	return "names " + absolute(path) + ", where there is no database of this service"
}

// absolute returns a path with the folder that it is relative to, which may not be the one that the user has in mind.
func absolute(path string) string {
	if whole, err := filepath.Abs(path); err == nil {
		return whole
	}
	return path
}

// trustedProxies returns the networks whose X-Forwarded-For is believed.
func (c Config) trustedProxies() []netip.Prefix {
	prefixes := make([]netip.Prefix, 0, len(c.TrustedProxies))
	for _, text := range c.TrustedProxies {
		if p, err := netip.ParsePrefix(text); err == nil { // validated before
			prefixes = append(prefixes, p)
		}
	}
	return prefixes
}

// logLevel returns the configured level.
func (c Config) logLevel() slog.Level {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.LogLevel)); err != nil {
		return slog.LevelInfo // validated before
	}
	return level
}

// Variable describes one environment variable, for flags and documentation.
type Variable struct {
	Name    string // with its prefix
	Default string
	Secret  bool // its value has no flag; may be given as NAME_FILE
}

// Variables returns all variables in the order of [Config].
func Variables() []Variable {
	var variables []Variable
	for _, f := range reflect.VisibleFields(reflect.TypeFor[Config]()) {
		if name, ok := f.Tag.Lookup("env"); ok {
			variables = append(variables, Variable{Prefix + name, f.Tag.Get("envDefault"), slices.Contains(secretVariables, name)})
		}
	}
	return variables
}
