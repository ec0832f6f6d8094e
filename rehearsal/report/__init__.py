"""What came of a rehearsal, for a reviewer and for machines.

document:   the report as typed values, written as JSON; terminal and page are made of it and of nothing else.
collect:    puts the document together from a cycle, the preflight and the comparison with a base.
base:       the program of another commit beside this one, in the simulated cloud.
preflight:  cost and quota, asked of the program's own preflight.
picture:    what the resources of a state are, as a person thinks of them.
drawing:    where each thing of the picture lies on the page.
page:       one HTML file that needs nothing besides itself.
files:      where both are written.
terminal:   the summary at the end of ``make rehearse``, and progress until then.
"""
