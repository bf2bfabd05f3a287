// Command kube-network-policies decides about the packets that a node's iptables rules put into a queue.
//
// Upstream's own main takes no kubeconfig, serves metrics on every address, and runs on when it has stopped
// deciding. This one ends then, and the node with it.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"strings"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"
	"golang.org/x/sys/unix"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"
	"sigs.k8s.io/kube-network-policies/pkg/networkpolicy"
)

// The kernel refuses a table with a name of 256 characters. So the nftables rules that upstream wants beside
// the node's own are never made, on kernels that could load them either: each packet is decided about once.
var noTable = strings.Repeat("-", 256)

func main() {
	kubeconfig := flag.String("kubeconfig", "", "file with the address and the credentials of the API server")
	node := flag.String("node", "", "the node's name")
	queue := flag.Int("queue", 100, "number of the queue")
	flag.Parse()
	klog.SetLogger(quiet())
	if err := run(*kubeconfig, networkpolicy.Config{NodeName: *node, QueueID: *queue, NFTableName: noTable}); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(1)
}

// run returns when nobody decides any more.
func run(kubeconfig string, config networkpolicy.Config) error {
	access, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	access.ContentType = "application/vnd.kubernetes.protobuf"
	client, err := kubernetes.NewForConfig(access)
	if err != nil {
		return err
	}
	found := informers.NewSharedInformerFactory(client, 0)
	core := found.Core().V1()
	controller, err := networkpolicy.NewController(
		client, found.Networking().V1().NetworkPolicies(), core.Namespaces(), core.Pods(), nil, nil, nil, nil, config,
	)
	if err != nil {
		return err
	}
	found.Start(context.Background().Done())
	return controller.Run(context.Background())
}

// quiet logs errors alone, without those that noTable causes. It ends the program with its connection to
// containerd, of which upstream only logs the end: who has an address would not be known any more.
func quiet() logr.Logger {
	return funcr.New(func(_, text string) {
		ended := strings.Contains(text, "nri plugin exited") || strings.Contains(text, "Connection to the runtime lost")
		isError := !strings.HasPrefix(text, `"level"=`)
		if ended || isError && !strings.Contains(text, unix.ERANGE.Error()) {
			fmt.Fprintln(os.Stderr, text)
		}
		if ended {
			os.Exit(1)
		}
	}, funcr.Options{})
}
