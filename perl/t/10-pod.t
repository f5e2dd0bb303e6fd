# The manual is sound, and tells of each function.

use strict;
use warnings;
use Test::More;

use IO::AIO;

my $file = $INC{'IO/AIO.pm'};
SKIP: {
    eval { require Pod::Checker; 1 } or skip 'no Pod::Checker', 1;
    open my $null, '>', '/dev/null' or die $!;
    my $checker = Pod::Checker->new(-warnings => 0);
    $checker->parse_from_file($file, $null);
    cmp_ok($checker->num_errors, '==', 0, 'no errors');
}
open my $fh, '<', $file or die "$file: $!";
my $manual = do { local $/; <$fh> };
$manual =~ s/.*?^__END__$//ms;
like($manual, qr/\b$_\b/, "$_ is in the manual") for @IO::AIO::EXPORT, @IO::AIO::EXPORT_OK, 'aio_busy';

done_testing;
