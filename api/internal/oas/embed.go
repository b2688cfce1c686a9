// Package oas owns what is generated for the server from openapi.yaml: types, a typed handler for each route of the management
// API, and the contract itself.
package oas

import _ "embed"

// Contract is openapi.yaml in the state that the types of this package were generated from.
//
//go:embed openapi.gen.yaml
var Contract []byte
