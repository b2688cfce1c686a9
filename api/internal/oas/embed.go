package oas

import _ "embed"

// Contract is openapi.yaml in the state that the types of this package were generated from.
//
//go:embed openapi.gen.yaml
var Contract []byte
