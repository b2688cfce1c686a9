package api

import (
	"errors"
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"

	"github.com/piercloud/apikeys/pkg/apikey"
	"github.com/piercloud/apikeys/pkg/statuslist"
)

// statusListCaching lets shared caches answer many verifiers. It adds to the time for which the list itself lets a verifier rely
// on it.
const statusListCaching = "public, max-age=5"

// statusListRoutes serve Token Status Lists (draft-ietf-oauth-status-list §8, §9). Like the revocation feed, they are open to
// anyone.
type statusListRoutes struct {
	lists *statuslist.Lists
	fresh func() bool
}

func (r statusListRoutes) register(e *echo.Echo) {
	e.Match(reads, statuslist.Path, r.all)
	e.Match(reads, statuslist.Path+"/:list", r.get)
}

// all answers with the addresses of all lists (§9.3).
func (r statusListRoutes) all(c echo.Context) error {
	uris, err := r.lists.URIs(c.Request().Context())
	if err != nil {
		return err
	}
	c.Response().Header().Set(echo.HeaderCacheControl, statusListCaching)
	return c.JSON(http.StatusOK, struct {
		Lists []string `json:"status_lists"`
	}{uris})
}

// get answers with one list. While the log can't be read there is none: verifiers would take an old list for news that nothing
// was revoked. Nor are there lists as they were at another time (§8.4).
func (r statusListRoutes) get(c echo.Context) error {
	name := c.Param("list")
	number, err := strconv.ParseInt(name, 10, 64)
	if err != nil || strconv.FormatInt(number, 10) != name || c.QueryParams().Has("time") {
		return echo.ErrNotFound // a list has only one address
	}
	if !r.fresh() {
		return apikey.ErrUnavailable
	}
	list, err := r.lists.Current(c.Request().Context(), number)
	if errors.Is(err, statuslist.ErrNotFound) {
		return echo.ErrNotFound
	}
	if err != nil {
		return err
	}
	h := c.Response().Header()
	h.Set(echo.HeaderCacheControl, statusListCaching)
	h.Set("ETag", list.Tag)
	if matchesTag(c.Request(), list.Tag) {
		return c.NoContent(http.StatusNotModified)
	}
	return c.Blob(http.StatusOK, "application/"+statuslist.Type, []byte(list.Token))
}
