// Command pulumi-resource-kubernetes is Pulumi's Kubernetes provider.
//
// Upstream's own main embeds a schema that its module does not contain. A program in Python does not ask for it.
package main

import (
	"github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/provider"
	"github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/version"
)

func main() {
	provider.Serve("kubernetes", version.Version, []byte("{}"), []byte("{}"))
}
