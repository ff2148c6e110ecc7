"""The language in which features are written: sentences of columns and expressions, and the folds that compute them."""
