package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// workContext is what the API is about.
type workContext struct {
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	CreatedAt time.Time `json:"created_at"`
}

// contexts are made up, and the same for every tenancy.
var contexts = []workContext{
	{"8f7b2a52-5f0e-4d49-9f5e-3f1f6f6b9a01", "Production", time.Date(2025, 3, 10, 9, 0, 0, 0, time.UTC)},
	{"2c4d1e9b-7a38-4c0f-8d7e-90b1c2d3e402", "Development", time.Date(2025, 6, 2, 14, 30, 0, 0, time.UTC)},
}

type answer struct {
	Code string `json:"code"`
	Data struct {
		Contexts []workContext `json:"contexts"`
	} `json:"data"`
	Meta meta `json:"meta"`
}

type meta struct {
	Total    int    `json:"total"`
	Page     int    `json:"page"`
	PageSize int    `json:"pageSize"`
	SortBy   sortBy `json:"sortBy"`
}

type sortBy struct {
	Field string `json:"field"`
	Order string `json:"order"`
}

// list is a request for a page of contexts.
type list struct {
	page, pageSize int
	search         string
	sortBy         sortBy
}

func parseList(query url.Values) (list, error) {
	l := list{
		search: strings.ToLower(query.Get("search")),
		sortBy: sortBy{cmp.Or(query.Get("sort_field"), "created_at"), cmp.Or(query.Get("sort_order"), "ASC")},
	}
	var err error
	if l.page, err = positive(query, "page", 1); err != nil {
		return list{}, err
	}
	if l.pageSize, err = positive(query, "page_size", 10); err != nil {
		return list{}, err
	}
	l.pageSize = min(l.pageSize, 100)
	if !slices.Contains([]string{"name", "created_at"}, l.sortBy.Field) {
		return list{}, fmt.Errorf("sort_field must be name or created_at")
	}
	if !slices.Contains([]string{"ASC", "DESC"}, l.sortBy.Order) {
		return list{}, fmt.Errorf("sort_order must be ASC or DESC")
	}
	return l, nil
}

func positive(query url.Values, name string, otherwise int) (int, error) {
	text := query.Get(name)
	if text == "" {
		return otherwise, nil
	}
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil || n < 1 {
		return 0, fmt.Errorf("%s must be a positive number", name)
	}
	return int(n), nil
}

// of returns the page of the matching contexts, and how many match in all.
func (l list) of(all []workContext) ([]workContext, int) {
	found := []workContext{}
	for _, c := range all {
		if strings.Contains(strings.ToLower(c.Name), l.search) {
			found = append(found, c)
		}
	}
	slices.SortFunc(found, func(a, b workContext) int {
		order := a.CreatedAt.Compare(b.CreatedAt)
		if l.sortBy.Field == "name" {
			order = strings.Compare(a.Name, b.Name)
		}
		if l.sortBy.Order == "DESC" {
			return -order
		}
		return order
	})
	total := len(found)
	from := min((l.page-1)*l.pageSize, total)
	return found[from:min(from+l.pageSize, total)], total
}

func listContexts(w http.ResponseWriter, r *http.Request) {
	l, err := parseList(r.URL.Query())
	if err != nil {
		write(w, http.StatusBadRequest, map[string]string{"code": "bad-request/invalid-parameters", "message": err.Error()})
		return
	}
	page, total := l.of(contexts)
	ok := answer{Code: "success", Meta: meta{total, l.page, l.pageSize, l.sortBy}}
	ok.Data.Contexts = page
	write(w, http.StatusOK, ok)
}

func write(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // fails only when the caller has gone
}
