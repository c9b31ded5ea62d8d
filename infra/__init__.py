"""Everything around the code: servers, images, clusters."""
