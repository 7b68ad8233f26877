// Package deps keeps modules that the work under way needs in go.mod.
package deps

import (
	_ "github.com/danielgtaylor/huma/v2"                 // OpenAPI 3.1 from Go types, for the JSON API
	_ "github.com/danielgtaylor/huma/v2/adapters/humago" //
	_ "github.com/emersion/go-msgauth/authres"           // what a mail server of ours found out about a sender
	_ "github.com/emersion/go-msgauth/dkim"              // signatures of mail
	_ "github.com/emersion/go-msgauth/dmarc"             // and what a domain asks for
	_ "golang.org/x/time/rate"                           // limits of outgoing mail
)
