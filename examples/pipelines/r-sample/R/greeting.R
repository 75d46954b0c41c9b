greeting <- function() "hello"
