#include "sample.h"

int main(void) {
    return greeting();
}
