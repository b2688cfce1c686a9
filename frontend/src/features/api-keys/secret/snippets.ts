type SnippetId = "env" | "curlAuth" | "curlToken" | "go" | "python" | "typescript";

export interface Snippet {
  id: SnippetId;
  /** Not translated: names are the same in every language. */
  title: string;
  code: string;
  /** Whether the text contains the secret itself, so that copying the text also stores the secret. */
  holdsSecret: boolean;
}

const ID_VARIABLE = "API_CLIENT_ID";
const SECRET_VARIABLE = "API_CLIENT_SECRET";

/**
 * Ready-to-paste examples that exchange the key for an access token. If the secret is given, the .env and cURL examples
 * contain it; programs always read it from the environment, where it belongs. Client IDs and secrets consist of letters,
 * digits and underscores, so nothing needs quoting.
 */
export function snippets(issuer: string, clientId: string, clientSecret?: string): Snippet[] {
  const holdsSecret = clientSecret !== undefined;
  const shellSecret = clientSecret ?? `$${SECRET_VARIABLE}`;
  const tokenUrl = `${issuer}/oauth2/token`;
  const jsonBody = holdsSecret
    ? `'{"client_id":"${clientId}","client_secret":"${clientSecret}"}'`
    : `"{\\"client_id\\":\\"${clientId}\\",\\"client_secret\\":\\"${shellSecret}\\"}"`;
  const basic = holdsSecret ? `'${clientId}:${clientSecret}'` : `"${clientId}:${shellSecret}"`;

  return [
    {
      id: "env",
      title: ".env",
      holdsSecret,
      code: [
        `API_TOKEN_URL=${tokenUrl}`,
        `${ID_VARIABLE}=${clientId}`,
        `${SECRET_VARIABLE}=${clientSecret ?? ""}`,
      ].join("\n"),
    },
    {
      id: "curlAuth",
      title: "cURL /auth",
      holdsSecret,
      code: [
        `curl -sS -X POST '${issuer}/auth' \\`,
        "  -H 'Content-Type: application/json' \\",
        `  -d ${jsonBody}`,
      ].join("\n"),
    },
    {
      id: "curlToken",
      title: "cURL /oauth2/token",
      holdsSecret,
      code: [`curl -sS -X POST '${tokenUrl}' \\`, `  -u ${basic} \\`, "  -d grant_type=client_credentials"].join("\n"),
    },
    {
      id: "go",
      title: "Go",
      holdsSecret: false,
      code: `package main

import (
	"context"
	"fmt"
	"log"
	"os"

	"golang.org/x/oauth2/clientcredentials"
)

func main() {
	config := clientcredentials.Config{
		ClientID:     os.Getenv("${ID_VARIABLE}"),
		ClientSecret: os.Getenv("${SECRET_VARIABLE}"),
		TokenURL:     "${tokenUrl}",
	}
	// config.Client(ctx) is an http.Client that renews the token by itself.
	token, err := config.Token(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(token.AccessToken)
}`,
    },
    {
      id: "python",
      title: "Python",
      holdsSecret: false,
      code: `import os

import requests

response = requests.post(
    "${tokenUrl}",
    auth=(os.environ["${ID_VARIABLE}"], os.environ["${SECRET_VARIABLE}"]),
    data={"grant_type": "client_credentials"},
    timeout=10,
)
response.raise_for_status()
access_token = response.json()["access_token"]`,
    },
    {
      id: "typescript",
      title: "TypeScript",
      holdsSecret: false,
      code: `const { ${ID_VARIABLE}, ${SECRET_VARIABLE} } = process.env;

const response = await fetch("${tokenUrl}", {
  method: "POST",
  headers: { Authorization: \`Basic \${btoa(\`\${${ID_VARIABLE}}:\${${SECRET_VARIABLE}}\`)}\` },
  body: new URLSearchParams({ grant_type: "client_credentials" }),
});
if (!response.ok) throw new Error(\`No token: \${response.status}\`);
const { access_token } = await response.json();`,
    },
  ];
}
