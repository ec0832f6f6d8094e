"""The stand-in for the Google provider, served to the real engine in the vendor's place.

shapes:     what the SDK lets a program give to each resource type.
table:      one row a type: its API, where it lives, what is called otherwise there.
discovery:  what Google's API documents say of a value.
body:       from a program's inputs to the API's body and back, and what is wrong with them.
rules:      what the documents do not hold.
beside:     what is wrong with a resource beside others that are there already.
provider:   the engine's requests, answered from the table and the simulated cloud.
"""
