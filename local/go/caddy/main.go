// Command caddy is Caddy without a command line, with the modules that a local load balancer uses and one more:
// a target group, whose targets change without a new configuration, which would end idle connections of clients.
//
// Its first argument is the file of its first configuration. `POST /targets` of the admin API takes the targets of
// every group, {"<group>": ["<address>:<port>"]}.
package main

import (
	"encoding/json"
	"log"
	"net/http"
	"os"
	"sync/atomic"

	"github.com/caddyserver/caddy/v2"
	_ "github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"
	_ "github.com/caddyserver/caddy/v2/modules/caddytls"
)

var targets atomic.Pointer[map[string][]string]

type group struct {
	Name string `json:"name"`
}

func (group) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.reverse_proxy.upstreams.group",
		New: func() caddy.Module { return new(group) },
	}
}

func (g group) GetUpstreams(*http.Request) ([]*reverseproxy.Upstream, error) {
	found := []*reverseproxy.Upstream{}
	for _, address := range (*targets.Load())[g.Name] {
		found = append(found, &reverseproxy.Upstream{Dial: address})
	}
	return found, nil
}

type admin struct{}

func (admin) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "admin.api.targets", New: func() caddy.Module { return new(admin) }}
}

func (admin) Routes() []caddy.AdminRoute {
	return []caddy.AdminRoute{{Pattern: "/targets", Handler: caddy.AdminHandlerFunc(replace)}}
}

func replace(_ http.ResponseWriter, request *http.Request) error {
	var told map[string][]string
	if err := json.NewDecoder(request.Body).Decode(&told); err != nil {
		return caddy.APIError{HTTPStatus: http.StatusBadRequest, Err: err}
	}
	targets.Store(&told)
	return nil
}

func main() {
	targets.Store(&map[string][]string{})
	caddy.RegisterModule(group{})
	caddy.RegisterModule(admin{})
	text, err := os.ReadFile(os.Args[1])
	if err == nil {
		err = caddy.Load(text, true)
	}
	if err != nil {
		log.Fatal(err)
	}
	select {}
}
