"""The provider plugin of queued resources, over version 2 of the TPU API's REST interface."""
