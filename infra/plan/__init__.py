"""What follows from the settings of the Google site before anything is asked of the cloud. No Pulumi, no network.

fleet:     the machines that a stack file asks for, at its least and at its most.
fabrics:   networks and subnetworks of each kind of fabric.
names:     what things are called, and how long a name may be.
addresses: how full each address range gets.
services:  the Google APIs that they need.
quotas:    what they draw on which quota, and where.
cost:      what they cost at list prices.
"""
