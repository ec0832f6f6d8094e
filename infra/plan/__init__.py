"""What follows from the settings of a site before anything is asked of the cloud. No Pulumi, no network.

fleet:     the machines that a stack file asks for, at its least and at its most.
fabrics:   networks and subnetworks of each kind of fabric.
names:     what things are called, and how long a name may be.
addresses: how full each address range gets.
services:  the Google APIs that they need.
quotas:    what they draw on which quota, and where.
cost:      what they cost at list prices.
footprint: what the platform and the services ask for.
nodes:     what a node offers to pods.
pools:     the nodes as jobs see them.
queues:    who may use how much of which pools, and in what order: Kueue's objects.
"""
