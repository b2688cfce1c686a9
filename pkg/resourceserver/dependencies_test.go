package resourceserver_test

import (
	"os/exec"
	"strings"
	"testing"
)

// TestImportsNothingOfTheService: the HTTP contract is the only connection between this library and the authorization server, and
// importing the library does not bring in a web framework or a database.
func TestImportsNothingOfTheService(t *testing.T) {
	const module = "github.com/piercloud/apikeys/"
	for pkg, allowed := range map[string][]string{
		"pkg/resourceserver":                    {"pkg/resourceserver"},
		"pkg/resourceserver/echoadapter":        {"pkg/resourceserver", "pkg/resourceserver/echoadapter"},
		"pkg/resourceserver/resourceservertest": {"pkg/resourceserver", "pkg/resourceserver/resourceservertest"},
	} {
		output, err := exec.CommandContext(t.Context(), "go", "list", "-deps", module+pkg).Output()
		if err != nil {
			t.Fatalf("go list: %v", err)
		}
		for _, dependency := range strings.Fields(string(output)) {
			own, isOwn := strings.CutPrefix(dependency, module)
			if isOwn && !strings.Contains(" "+strings.Join(allowed, " ")+" ", " "+own+" ") {
				t.Errorf("%s depends on %s", pkg, own)
			}
			for _, forbidden := range []string{"gorm.io/", "github.com/labstack/echo", "github.com/jackc/"} {
				if strings.HasPrefix(dependency, forbidden) && pkg == "pkg/resourceserver" {
					t.Errorf("%s depends on %s", pkg, dependency)
				}
			}
		}
	}
}
