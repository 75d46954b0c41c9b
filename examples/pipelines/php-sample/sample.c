#include "php.h"

ZEND_BEGIN_ARG_WITH_RETURN_TYPE_INFO_EX(arginfo_greeting, 0, 0, IS_STRING, 0)
ZEND_END_ARG_INFO()

PHP_FUNCTION(sample_greeting) {
    ZEND_PARSE_PARAMETERS_NONE();
    RETURN_STRING("hello");
}

static const zend_function_entry functions[] = {
    ZEND_FE(sample_greeting, arginfo_greeting)
    ZEND_FE_END
};

zend_module_entry sample_module_entry = {
    STANDARD_MODULE_HEADER, "sample", functions, NULL, NULL, NULL, NULL, NULL, "1.0.0",
    STANDARD_MODULE_PROPERTIES,
};

ZEND_GET_MODULE(sample)
