package app_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"gopkg.in/yaml.v3"
)

// scraped returns the metrics of a service after some requests: their names, and the values of each label.
func scraped(t *testing.T) (names map[string]bool, labels map[string]map[string]bool) {
	t.Helper()
	address, _ := serve(t, map[string]string{"APIKEYS_LIMITS": "token-client=2/1m"})
	base := "http://" + address
	jar := &cookieJar{}
	post := func(path, body string) string {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, base+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Cookie", jar.cookie)
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		for _, c := range response.Cookies() {
			jar.cookie = c.Name + "=" + c.Value
		}
		var read bytes.Buffer
		if _, err := read.ReadFrom(response.Body); err != nil {
			t.Fatal(err)
		}
		return read.String()
	}
	post("/v1/session", `{"email":"admin@localhost","password":"`+adminPassword+`"}`)
	var key struct {
		ClientID     string `json:"client_id"`
		ClientSecret string `json:"client_secret"`
	}
	if err := json.Unmarshal([]byte(post("/v1/api-keys", `{"name":"key","scopes":["cca:readonly"]}`)), &key); err != nil || key.ClientID == "" {
		t.Fatal(err)
	}
	for range 3 {
		post("/auth", `{"client_id":"`+key.ClientID+`","client_secret":"`+key.ClientSecret+`"}`)
	}
	post("/auth", `{"client_id":"`+key.ClientID+`","client_secret":"aks_guess"}`)
	post("/oauth2/token", "")
	fetch(t, base+"/readyz")
	fetch(t, base+"/v1/api-keys/"+key.ClientID)
	fetch(t, base+"/"+key.ClientID)
	fetch(t, base+"/v1/"+key.ClientID)

	status, text := fetch(t, base+"/metrics")
	if status != http.StatusOK {
		t.Fatalf("got %d: %s", status, text)
	}
	if strings.Contains(text, key.ClientID) || strings.Contains(text, "admin@") || strings.Contains(text, "127.0.0.1") {
		t.Error("the metrics name a client, an operator or an address")
	}
	names, labels = map[string]bool{}, map[string]map[string]bool{}
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		name, _, _ := strings.Cut(line, " ")
		name, set, _ := strings.Cut(name, "{")
		names[name] = true
		if !strings.HasPrefix(name, "apikeys_") {
			continue
		}
		for _, label := range regexp.MustCompile(`([a-z_]+)="([^"]*)"`).FindAllStringSubmatch(set, -1) {
			if labels[label[1]] == nil {
				labels[label[1]] = map[string]bool{}
			}
			labels[label[1]][label[2]] = true
		}
	}
	return names, labels
}

// cookieJar keeps the session cookie.
type cookieJar struct{ cookie string }

func TestNoLabelHasAValueThatACallerChooses(t *testing.T) {
	_, labels := scraped(t)
	allowed := map[string]string{
		"le": `^[0-9.e+-]+$|^\+Inf$`, "method": `^(GET|POST|HEAD|OTHER)$`, "status": `^\d{3}$`, "outcome": `^[a-z-]+$`,
		"operation": `^[a-z-]+$`, "result": `^(hit|miss|bypass)$`, "within": `^(24h|7d)$`, "for": `^(30d|90d)$`, "route": `^(none|/[a-z0-9_./:*-]*)$`,
	}
	for label, values := range labels {
		pattern, ok := allowed[label]
		if !ok {
			t.Errorf("there is a label %s", label)
			continue
		}
		for value := range values {
			if !regexp.MustCompile(pattern).MatchString(value) {
				t.Errorf("%s is %q", label, value)
			}
		}
	}
	for _, outcome := range []string{"issued", "rate-limited", "wrong-secret"} {
		if !labels["outcome"][outcome] {
			t.Errorf("no outcome %s", outcome)
		}
	}
	if !labels["route"]["none"] || !labels["route"]["/v1/api-keys/:client_id"] || !labels["route"]["/auth"] {
		t.Errorf("the routes are %v", labels["route"])
	}
}

// metricName finds the names of metrics in an expression.
var metricName = regexp.MustCompile(`\b(apikeys|go|process|promhttp)_[a-z0-9_]+\b`)

// namedRoutes finds the routes that an expression selects or excludes.
var namedRoutes = regexp.MustCompile(`\broute[!=~]+"([^"]*)"`)

// readOperations decodes a file of docs/operations.
func readOperations(t *testing.T, name string, decode func([]byte, any) error, into any) {
	t.Helper()
	text, err := os.ReadFile("../../../docs/operations/" + name)
	if err != nil {
		t.Fatal(err)
	}
	if err := decode(text, into); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

// alert is a rule of alerts.yaml.
type alert struct {
	Name        string `yaml:"alert"`
	Expr        string
	For         string
	Annotations map[string]string
}

func readAlerts(t *testing.T) (alerts []alert) {
	t.Helper()
	var file struct {
		Groups []struct{ Rules []alert }
	}
	readOperations(t, "alerts.yaml", yaml.Unmarshal, &file)
	for _, group := range file.Groups {
		alerts = append(alerts, group.Rules...)
	}
	return alerts
}

func TestDashboardAndAlertsAskForMetricsThatThereAre(t *testing.T) {
	names, labels := scraped(t)
	var dashboard struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	readOperations(t, "dashboard.json", json.Unmarshal, &dashboard)
	expressions := map[string]string{}
	for _, panel := range dashboard.Panels {
		for _, target := range panel.Targets {
			expressions[panel.Title+": "+target.Expr] = target.Expr
		}
	}
	for _, a := range readAlerts(t) {
		expressions[a.Name] = a.Expr
		if a.Annotations["summary"] == "" {
			t.Errorf("%s says nothing", a.Name)
		}
	}
	if len(expressions) < 20 {
		t.Errorf("there are %d expressions", len(expressions))
	}
	asked := map[string]bool{}
	for where, expression := range expressions {
		found := metricName.FindAllString(expression, -1)
		if len(found) == 0 {
			t.Errorf("%s asks for nothing", where)
		}
		for _, name := range found {
			asked[name] = true
			if !names[name] {
				t.Errorf("%s asks for %s, which there is not", where, name)
			}
		}
		for _, named := range namedRoutes.FindAllStringSubmatch(expression, -1) {
			for route := range strings.SplitSeq(named[1], "|") {
				if !labels["route"][route] {
					t.Errorf("%s names the route %s, which there is not", where, route)
				}
			}
		}
	}
	for name := range names {
		if own := strings.HasPrefix(name, "apikeys_"); own && !asked[name] && !strings.HasSuffix(name, "_sum") && !asked[strings.TrimSuffix(name, "_count")+"_bucket"] {
			t.Errorf("nothing shows %s", name)
		}
	}
}

func TestAnAlertTellsOfAServiceThatIsGoneWithItsMetrics(t *testing.T) {
	absence := regexp.MustCompile(`^absent\(apikeys_[a-z_]+\)$`)
	if !slices.ContainsFunc(readAlerts(t), func(a alert) bool { return absence.MatchString(a.Expr) }) {
		t.Error("no alert fires when there are no metrics")
	}
}

// TestNoAlertFiresForASingleFailure: the increase of one failure is visible for the length of the window, so an alert must wait for
// longer than that.
func TestNoAlertFiresForASingleFailure(t *testing.T) {
	anyAtAll := regexp.MustCompile(`(?:rate|increase)\([^[]*\[(\w+)\]\)+ > 0$`)
	asked := 0
	for _, a := range readAlerts(t) {
		found := anyAtAll.FindStringSubmatch(a.Expr)
		if found == nil {
			continue
		}
		asked++
		window, err := time.ParseDuration(found[1])
		if err != nil {
			t.Fatal(err)
		}
		if lasts, err := time.ParseDuration(a.For); err != nil || lasts <= window {
			t.Errorf("%s fires after %q, and sees a failure for %s", a.Name, a.For, window)
		}
	}
	if asked < 3 {
		t.Errorf("%d alerts are about failures of any number", asked)
	}
}

// TestNoAlertTakesAReplicaThatIsNotReadyForAnError: a probe is meant to get a 503 from it, and the log has no line about that.
func TestNoAlertTakesAReplicaThatIsNotReadyForAnError(t *testing.T) {
	selector := regexp.MustCompile(`apikeys_http_[a-z_]+({[^}]*})?`)
	asked := 0
	for _, a := range readAlerts(t) {
		if !strings.Contains(a.Expr, "status=") {
			continue
		}
		for _, selected := range selector.FindAllString(a.Expr, -1) {
			asked++
			if !strings.Contains(selected, `route!="/readyz"`) {
				t.Errorf("%s counts probes: %s", a.Name, selected)
			}
		}
	}
	if asked == 0 {
		t.Error("no alert is about errors")
	}
}
