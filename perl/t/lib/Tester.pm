package Tester;

# What the tests share: a directory of their own, and one request at a time.

use strict;
use warnings;
use base 'Exporter';
use File::Temp 'tempdir';
use IO::AIO ();

our @EXPORT = qw(dir file content put of errno_is raises aio_files);

my $dir;

sub dir { $dir ||= tempdir('ioaio-XXXXXX', TMPDIR => 1, CLEANUP => 1) }
sub file { dir . "/$_[0]" }

sub put {
    my ($name, $data) = @_;
    open my $fh, '>:raw', $name or die "$name: $!";
    print $fh $data;
    close $fh or die "$name: $!";
    return $name;
}

sub content {
    my ($name) = @_;
    open my $fh, '<:raw', $name or return undef;
    local $/;
    return scalar <$fh>;
}

# Runs a request whose callback is the last argument; gives what the callback got, with $! as it was there. The
# request must call it exactly once.
sub of(&) {
    my ($submit) = @_;
    my (@got, $errno, $calls);
    $calls = 0;
    $submit->(sub { @got = @_; $errno = $! + 0; $calls++ });
    IO::AIO::flush();
    Test::More::is($calls, 1, 'one call') unless $calls == 1;
    $! = $errno;
    return wantarray ? @got : $got[0];
}

sub errno_is {
    my ($want, $name) = @_;
    my $have = $! + 0;
    Test::More::is($have, $want, $name);
}

# The message of what croaks.
sub raises(&$$) {
    my ($code, $text, $name) = @_;
    local $@;
    eval { $code->(); 1 } and return Test::More::fail("$name: lives");
    Test::More::like($@, $text, $name);
}

# How many descriptors are open.
sub aio_files {
    opendir my $fds, '/proc/self/fd' or die "/proc/self/fd: $!";
    return scalar grep /^\d+$/, readdir $fds;
}

1;
