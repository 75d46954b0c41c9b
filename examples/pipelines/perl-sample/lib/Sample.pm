package Sample;
use strict;
use warnings;

our $VERSION = '1.0.0';

sub greeting { return 'hello' }

1;

=head1 NAME

Sample - a sample

=cut
