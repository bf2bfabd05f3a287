"""The edge of a region on a local cluster: the reverse proxy that an ALB or ingress-nginx is elsewhere.

`manifests` says what is put into the cluster. All other files run there, in a stock Python image: `__main__`
starts them, `watching` follows the API, `table` says where a request leads, `proxy` and `exchange` pass it
on, `statuses` tells Ingresses their address.
"""
