"""Channel codes: what makes a payload longer so that it survives misread bits."""
