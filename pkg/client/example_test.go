package client_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/piercloud/apikeys/pkg/client"
)

func ExampleNew() {
	keys, err := client.New("https://keys.example.com", os.Getenv("CLIENT_ID"), os.Getenv("CLIENT_SECRET"))
	if err != nil {
		log.Fatal(err)
	}
	answer, err := keys.CreateAPIKeyWithResponse(context.Background(), &client.CreateAPIKeyParams{}, client.APIKeyCreate{
		Name:   "ERP integration",
		Scopes: []string{"lighthouse.workspaces:readonly"},
	})
	switch {
	case err != nil:
		log.Fatal(err)
	case answer.JSON201 == nil:
		log.Fatalf("%s: %s", answer.Status(), answer.Body)
	}
	fmt.Println("created", answer.JSON201.ClientID)
}
