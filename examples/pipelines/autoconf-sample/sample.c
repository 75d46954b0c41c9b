#include "sample.h"

int greeting(void) {
    return 0;
}
