PHP_ARG_ENABLE([sample], [whether to enable sample], [AS_HELP_STRING([--enable-sample], [Enable sample])], [yes])
PHP_NEW_EXTENSION([sample], [sample.c], [$ext_shared])
